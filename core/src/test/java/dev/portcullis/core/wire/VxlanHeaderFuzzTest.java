package dev.portcullis.core.wire;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.util.Arrays;

/** No bytes make the parser throw; a header that is taken has the number that was written. */
class VxlanHeaderFuzzTest {

  private static final int MARGIN = 16;

  @FuzzTest(maxDuration = "60m")
  void shouldReadWhatItWrites(byte[] data) {
    byte[] buffer = new byte[data.length + MARGIN];
    System.arraycopy(data, 0, buffer, MARGIN, data.length);
    int vni = VxlanHeader.vni(buffer, MARGIN, data.length);
    if (vni != VxlanHeader.MALFORMED) {
      assertTrue(data.length >= VxlanHeader.BYTES && vni >= 0 && vni <= 0xff_ffff);
      assertArrayEquals(
          Arrays.copyOfRange(data, 4, 7), Arrays.copyOfRange(VxlanHeader.of(vni), 4, 7));
    }
  }
}
