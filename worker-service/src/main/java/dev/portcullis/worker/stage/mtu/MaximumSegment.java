package dev.portcullis.worker.stage.mtu;

import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;

/** The option of a SYN that says how long segments may be: RFC 9293 section 3.7.1. */
final class MaximumSegment {

  private static final int END = 0, NO_OPERATION = 1, MSS = 2, MSS_LENGTH = 4;
  private static final int CHECKSUM = 16;

  private MaximumSegment() {}

  /**
   * Lowers the MSS to {@code most}; never raises it, adds none, and leaves options alone that
   * contradict themselves. The checksum follows by what changed.
   */
  static void lower(byte[] bytes, PacketHeader h, int most) {
    int start = h.transportOffset;
    int end = Math.min(h.end, start + (bytes[start + 12] >>> 4 & 0xf) * 4);
    int at = start + 20;
    while (at < end) {
      int kind = bytes[at] & 0xff;
      if (kind == END) {
        return;
      }
      if (kind == NO_OPERATION) {
        at++;
        continue;
      }
      int length = at + 1 < end ? bytes[at + 1] & 0xff : 0;
      if (length < 2 || at + length > end) {
        return;
      }
      if (kind == MSS) {
        if (length == MSS_LENGTH) {
          write(bytes, start, at + 2, most);
        }
        return;
      }
      at += length;
    }
  }

  private static void write(byte[] bytes, int start, int at, int most) {
    int before = PacketHeader.u16(bytes, at);
    if (before <= most) {
      return;
    }
    bytes[at] = (byte) (most >>> 8);
    bytes[at + 1] = (byte) most;
    int change = Checksum.change(before, most);
    // at an odd offset the bytes of the number lie in two words (RFC 1071 section 2B)
    boolean odd = (at - start & 1) != 0;
    Checksum.apply(bytes, start + CHECKSUM, odd ? change >>> 8 | (change & 0xff) << 8 : change);
  }
}
