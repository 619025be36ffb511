package dev.portcullis.worker.stage.ftp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.util.Arrays;

/** No payload makes the parser throw, and what it writes it reads again. */
class FtpCommandFuzzTest {

  @FuzzTest(maxDuration = "60m")
  void shouldReadWhatItWrites(byte[] payload) {
    FtpCommand command = new FtpCommand();
    for (boolean fromServer : new boolean[] {false, true}) {
      if (command.read(payload, 0, payload.length, fromServer) == FtpCommand.NONE) {
        continue;
      }
      assertTrue(command.start >= 0 && command.start < command.end);
      assertTrue(command.end <= payload.length && command.port > 0 && command.port <= 65_535);
      byte[] written = new byte[payload.length + FtpCommand.MAX_WRITTEN];
      System.arraycopy(payload, 0, written, 0, command.start);
      int end = command.write(written, command.start, command.high, command.low, command.port);
      int rest = payload.length - command.end;
      System.arraycopy(payload, command.end, written, end, rest);
      String before = command.kind + " " + command.high + " " + command.low + " " + command.port;
      byte[] again = Arrays.copyOf(written, end + rest);
      if (again.length <= FtpCommand.MAX_LINE) {
        command.read(again, 0, again.length, fromServer);
        assertEquals(
            before, command.kind + " " + command.high + " " + command.low + " " + command.port);
      }
    }
  }
}
