package dev.portcullis.core.wire;

/**
 * Shifts sequence and acknowledgement numbers in TCP headers, selective acknowledgements (RFC 2018)
 * included; the checksum follows by what changed (RFC 1624). Thread: any.
 */
public final class TcpNumbers {

  private static final int END_OF_OPTIONS = 0, NO_OPERATION = 1, SACK = 5;

  private TcpNumbers() {}

  /** Returns where the payload begins: at most {@code h.end}. */
  public static int payload(byte[] bytes, PacketHeader h) {
    int dataOffset = (bytes[h.transportOffset + 12] >>> 4 & 0xf) * 4;
    return Math.min(h.end, h.transportOffset + Math.max(20, dataOffset));
  }

  /** The sequence number. */
  public static int sequence(byte[] bytes, PacketHeader h) {
    return (int) PacketHeader.u32(bytes, h.transportOffset + 4);
  }

  /** Shifts the sequence number. */
  public static void shift(byte[] bytes, PacketHeader h, int by) {
    if (by != 0) {
      set(bytes, h, h.transportOffset + 4, sequence(bytes, h) + by);
    }
  }

  /** Makes all that is acknowledged numbers of who sent it. */
  public static void acknowledge(byte[] bytes, PacketHeader h, PayloadChanges changes) {
    acknowledge(bytes, h, changes, false);
  }

  /** Makes all that is acknowledged numbers of what was sent with the changes in it. */
  public static void acknowledgeChanged(byte[] bytes, PacketHeader h, PayloadChanges changes) {
    acknowledge(bytes, h, changes, true);
  }

  private static void acknowledge(
      byte[] bytes, PacketHeader h, PayloadChanges changes, boolean changed) {
    if ((h.tcpFlags & PacketHeader.ACK) == 0) {
      return;
    }
    acknowledge(bytes, h, h.transportOffset + 8, changes, changed);
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
          acknowledge(bytes, h, edge, changes, changed);
        }
      }
      option += length;
    }
  }

  private static void acknowledge(
      byte[] bytes, PacketHeader h, int at, PayloadChanges changes, boolean changed) {
    int before = (int) PacketHeader.u32(bytes, at);
    int after = changed ? before + changes.ofSequence(before) : changes.acknowledged(before);
    if (after != before) {
      set(bytes, h, at, after);
    }
  }

  private static void set(byte[] bytes, PacketHeader h, int at, int after) {
    int before = (int) PacketHeader.u32(bytes, at);
    for (int i = 0; i < 4; i++) {
      bytes[at + i] = (byte) (after >>> 24 - 8 * i);
    }
    int change =
        Checksum.both(
            Checksum.change(before >>> 16 & 0xffff, after >>> 16 & 0xffff),
            Checksum.change(before & 0xffff, after & 0xffff));
    // an option may stand at an odd place: then its bytes count the other way round
    boolean odd = (at - h.transportOffset & 1) != 0;
    Checksum.apply(
        bytes, h.transportOffset + 16, odd ? (change >>> 8 | change << 8) & 0xffff : change);
  }
}
