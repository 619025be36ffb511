package dev.portcullis.core.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.util.Arrays;

/** No quote makes the parser throw, or write outside of what it was given. */
class QuotedPacketFuzzTest {

  private static final int MARGIN = 16;

  @FuzzTest(maxDuration = "60m")
  void shouldStayInsideOfTheQuote(byte[] data) {
    byte[] buffer = new byte[data.length + 2 * MARGIN];
    Arrays.fill(buffer, (byte) 0x5a);
    System.arraycopy(data, 0, buffer, MARGIN, data.length);
    QuotedPacket quote = new QuotedPacket();
    if (quote.parse(buffer, MARGIN, data.length)) {
      int before = Checksum.sum(buffer, MARGIN, data.length, 0);
      int change = quote.rewrite(buffer, 1, 2, 3, 4, 5, 6);
      int after = Checksum.sum(buffer, MARGIN, data.length, 0);
      assertEquals(after % 0xffff, Checksum.both(before, change) % 0xffff);
      for (int i = 0; i < MARGIN; i++) {
        assertEquals(0x5a, buffer[i]);
        assertEquals(0x5a, buffer[MARGIN + data.length + i]);
      }
    }
    PacketHeader error = new PacketHeader();
    if (error.parse(buffer, MARGIN, data.length) == PacketHeader.OK
        && QuotedPacket.isError(error)) {
      quote.parse(buffer, error);
    }
  }
}
