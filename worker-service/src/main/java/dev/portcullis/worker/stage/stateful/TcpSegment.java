package dev.portcullis.worker.stage.stateful;

import dev.portcullis.core.wire.PacketHeader;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * What one TCP segment says: a reusable cursor, filled by {@link #read}. Sequence numbers are
 * unsigned 32-bit numbers in ints: only differences mean something (RFC 9293 section 3.4).
 *
 * <p>Sequence numbers are those of the sender before the gateway has changed any. A stage that
 * shifts them (a helper that rewrites payload) corrects {@link #ack} and {@link #sack} of the
 * opposite direction between {@link #read} and the check of the windows, and nothing else.
 *
 * <p>Checked by {@link PacketHeader#parse}: the fixed header is there. Options are read as far as
 * they are there; one that is damaged ends the reading.
 */
final class TcpSegment {

  /** Four bytes in network order with one load. */
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);

  private static final int END_OF_OPTIONS = 0, NO_OPERATION = 1;

  /** RFC 7323 section 2.2; RFC 2018 sections 2 and 3. */
  private static final int WINDOW_SCALE = 3, SACK_PERMITTED = 4, SACK = 5;

  /** The largest shift: RFC 7323 section 2.3. */
  private static final int MAX_SCALE = 14;

  /** NOP, NOP, timestamps of 10 bytes: what nearly every segment has, RFC 7323 appendix A. */
  private static final int ONLY_TIMESTAMPS = 0x0101080a;

  /** Flags of the header. */
  int flags;

  /** Number of the first byte (of SYN, where it has one). */
  int seq;

  /** Number behind the last byte; SYN and FIN, which no segment has both, count as one. */
  int end;

  /** Acknowledgement number; means something with {@link PacketHeader#ACK}. */
  int ack;

  /** End of the last block that was received: {@link #ack} or a number of SACK behind it. */
  int sack;

  /** Window as it stands in the header: 0 to 65535. */
  int window;

  /** Shift of the window that the sender offers, -1: none; after {@link #readOptionsOfSyn}. */
  int scale;

  /** Whether the sender takes SACK; after {@link #readOptionsOfSyn}. */
  boolean sackPermitted;

  private int optionsAt;
  private int optionsEnd;

  /** Reads the fixed header. */
  void read(byte[] bytes, PacketHeader h) {
    int at = h.transportOffset;
    flags = h.tcpFlags;
    seq = (int) INT.get(bytes, at + 4);
    ack = (int) INT.get(bytes, at + 8);
    sack = ack;
    int offsetFlagsWindow = (int) INT.get(bytes, at + 12);
    window = offsetFlagsWindow & 0xffff;
    int headerLength = (offsetFlagsWindow >>> 28) * 4;
    int packetEnd = h.truncated ? wholeEnd(bytes, h) : h.end;
    int length = Math.max(0, packetEnd - at - headerLength);
    end = seq + length;
    if ((flags & (PacketHeader.SYN | PacketHeader.FIN)) != 0) {
      end++;
    }
    optionsAt = at + 20;
    optionsEnd = Math.min(at + headerLength, h.end);
  }

  /** Where the packet would end in the buffer if a snap length had not cut it. */
  private static int wholeEnd(byte[] bytes, PacketHeader h) {
    return h.version == 4
        ? h.offset + PacketHeader.u16(bytes, h.offset + 2)
        : h.offset + 40 + PacketHeader.u16(bytes, h.offset + 4);
  }

  /** Reads what a SYN offers. */
  void readOptionsOfSyn(byte[] bytes) {
    scale = -1;
    sackPermitted = false;
    int at = optionsAt;
    while (at < optionsEnd) {
      int length = lengthOfOption(bytes, at);
      if (length == 0) {
        return;
      }
      if (bytes[at] == WINDOW_SCALE && length == 3) {
        scale = Math.min(bytes[at + 2] & 0xff, MAX_SCALE);
      } else if (bytes[at] == SACK_PERMITTED && length == 2) {
        sackPermitted = true;
      }
      at += length;
    }
  }

  /** Reads the blocks of SACK, if there can be any. */
  void readSack(byte[] bytes) {
    int at = optionsAt;
    if (optionsEnd - at == 12 && (int) INT.get(bytes, at) == ONLY_TIMESTAMPS) {
      return;
    }
    while (at < optionsEnd) {
      int length = lengthOfOption(bytes, at);
      if (length == 0) {
        return;
      }
      if (bytes[at] == SACK) {
        for (int block = at + 2; block + 8 <= at + length; block += 8) {
          int right = (int) INT.get(bytes, block + 4);
          if (right - sack > 0) {
            sack = right;
          }
        }
      }
      at += length;
    }
  }

  /** Whether there are options at all. */
  boolean hasOptions() {
    return optionsEnd > optionsAt;
  }

  /** Returns the length of the option, 0 where options end or the option is damaged. */
  private int lengthOfOption(byte[] bytes, int at) {
    if (bytes[at] == NO_OPERATION) {
      return 1;
    }
    if (bytes[at] == END_OF_OPTIONS || at + 2 > optionsEnd) {
      return 0;
    }
    int length = bytes[at + 1] & 0xff;
    return length < 2 || at + length > optionsEnd ? 0 : length;
  }
}
