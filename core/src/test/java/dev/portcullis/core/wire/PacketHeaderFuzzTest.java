package dev.portcullis.core.wire;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;

/** No bytes make the header parser throw, or point outside of what it was given. */
class PacketHeaderFuzzTest {

  private static final int MARGIN = 16;

  @FuzzTest(maxDuration = "60m")
  void shouldStayInsideOfWhatItWasGiven(byte[] data) {
    byte[] buffer = new byte[data.length + 2 * MARGIN];
    System.arraycopy(data, 0, buffer, MARGIN, data.length);
    PacketHeader h = new PacketHeader();
    int result = h.parse(buffer, MARGIN, data.length);
    int end = MARGIN + data.length;
    assertTrue(h.offset == MARGIN && h.end <= end, () -> "end " + h.end);
    assertTrue(h.transportOffset >= MARGIN && h.transportOffset <= end);
    if (result == PacketHeader.OK) {
      assertTrue(h.hasAddresses && h.end >= h.transportOffset, () -> "end " + h.end);
      Checksum.sum(buffer, h.transportOffset, h.end - h.transportOffset, 0);
    }
    if (h.hasPorts) {
      assertTrue(h.transportOffset + 8 <= h.end, () -> "ports at " + h.transportOffset);
    }
  }
}
