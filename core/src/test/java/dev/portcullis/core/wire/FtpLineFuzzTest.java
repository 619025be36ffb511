package dev.portcullis.core.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.util.Arrays;

/** No payload makes the parser throw, and what it writes it reads again. */
class FtpLineFuzzTest {

  @FuzzTest(maxDuration = "60m")
  void shouldReadWhatItWrites(byte[] payload) {
    FtpLine line = new FtpLine();
    for (boolean fromServer : new boolean[] {false, true}) {
      int from = 0;
      while (from >= 0 && from < payload.length) {
        if (line.read(payload, from, payload.length, fromServer) != FtpLine.NONE) {
          writtenAndRead(payload, from, line, fromServer);
          line.read(payload, from, payload.length, fromServer);
        }
        assertTrue(line.next == -1 || line.next > from && line.next <= payload.length);
        from = line.next;
      }
    }
  }

  private static void writtenAndRead(byte[] payload, int from, FtpLine line, boolean fromServer) {
    assertTrue(line.start >= from && line.start < line.end && line.end < line.next);
    assertTrue(line.port > 0 && line.port <= 65_535);
    byte[] text = new byte[FtpLine.MAX_WRITTEN];
    int length = line.write(text, 0, line.high, line.low, line.port);
    byte[] again = Arrays.copyOf(payload, line.start - from + length + line.next - line.end);
    System.arraycopy(payload, from, again, 0, line.start - from);
    System.arraycopy(text, 0, again, line.start - from, length);
    System.arraycopy(payload, line.end, again, line.start - from + length, line.next - line.end);
    String before = said(line);
    line.read(again, 0, again.length, fromServer);
    // a line that was nearly too long may be now
    if (again.length <= FtpLine.MAX_LINE) {
      assertEquals(before, said(line));
    }
  }

  private static String said(FtpLine line) {
    return line.kind + " " + line.version + " " + line.high + " " + line.low + " " + line.port;
  }
}
