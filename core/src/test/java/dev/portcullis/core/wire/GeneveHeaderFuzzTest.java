package dev.portcullis.core.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;

/** No bytes make the parser throw, or take a header that goes on behind what it was given. */
class GeneveHeaderFuzzTest {

  private static final int MARGIN = 16;

  @FuzzTest(maxDuration = "60m")
  void shouldStayInsideOfWhatItWasGiven(byte[] data) {
    byte[] buffer = new byte[data.length + MARGIN];
    System.arraycopy(data, 0, buffer, MARGIN, data.length);
    GeneveHeader h = new GeneveHeader();
    int result = h.parse(buffer, MARGIN, data.length, GeneveHeader.AWS);
    if (result == GeneveHeader.OK) {
      assertTrue(h.length >= GeneveHeader.BYTES && h.length <= data.length);
      assertTrue(h.length <= GeneveHeader.BYTES + GeneveHeader.MAX_OPTION_BYTES);
      assertTrue(h.vni >= 0 && h.vni <= 0xff_ffff);
    } else {
      assertEquals(0, h.length);
    }
    if (h.parse(buffer, MARGIN, data.length, -1) == GeneveHeader.OK) {
      assertEquals(GeneveHeader.OK, result, "who knows fewer options takes no more headers");
    }
  }
}
