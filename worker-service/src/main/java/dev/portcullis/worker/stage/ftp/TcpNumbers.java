package dev.portcullis.worker.stage.ftp;

import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;

/**
 * Shifts sequence and acknowledgement numbers in TCP headers, selective acknowledgements (RFC 2018)
 * included; the checksum follows by what changed. Thread: one.
 */
final class TcpNumbers {

  private static final int END_OF_OPTIONS = 0, NO_OPERATION = 1, SACK = 5;

  private TcpNumbers() {}

  /** Returns where the payload begins: at most {@code h.end}. */
  static int payload(byte[] bytes, PacketHeader h) {
    int dataOffset = (bytes[h.transportOffset + 12] >>> 4 & 0xf) * 4;
    return Math.min(h.end, h.transportOffset + dataOffset);
  }

  /** Shifts the sequence number. */
  static void shift(byte[] bytes, PacketHeader h, int by) {
    if (by != 0) {
      add(bytes, h, h.transportOffset + 4, by);
    }
  }

  /** Takes the shift out of all that is acknowledged. */
  static void acknowledge(byte[] bytes, PacketHeader h, SequenceShift shift) {
    if ((h.tcpFlags & PacketHeader.ACK) == 0) {
      return;
    }
    int at = h.transportOffset + 8;
    add(bytes, h, at, -shift.ofAcknowledgement((int) PacketHeader.u32(bytes, at)));
    int end = payload(bytes, h);
    int option = h.transportOffset + 20;
    while (option < end && bytes[option] != END_OF_OPTIONS) {
      if (bytes[option] == NO_OPERATION) {
        option++;
        continue;
      }
      int length = option + 1 < end ? bytes[option + 1] & 0xff : 0;
      if (length < 2 || option + length > end) {
        return;
      }
      if (bytes[option] == SACK) {
        for (int edge = option + 2; edge + 4 <= option + length; edge += 4) {
          int value = (int) PacketHeader.u32(bytes, edge);
          add(bytes, h, edge, -shift.ofAcknowledgement(value));
        }
      }
      option += length;
    }
  }

  private static void add(byte[] bytes, PacketHeader h, int at, int by) {
    int before = (int) PacketHeader.u32(bytes, at);
    int after = before + by;
    if (by == 0) {
      return;
    }
    for (int i = 0; i < 4; i++) {
      bytes[at + i] = (byte) (after >>> 24 - 8 * i);
    }
    int change =
        Checksum.both(
            Checksum.change(before >>> 16, after >>> 16),
            Checksum.change(before & 0xffff, after & 0xffff));
    boolean odd = (at - h.transportOffset & 1) != 0;
    Checksum.apply(
        bytes, h.transportOffset + 16, odd ? change >>> 8 | (change & 0xff) << 8 : change);
  }
}
