package dev.portcullis.standalone.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

class CommandTest {

  @Test
  void shouldNameEveryMissingProgram() {
    UnavailableException e =
        assertThrows(
            UnavailableException.class,
            () -> Command.require("B2", List.of("no-such-program", "sh", "nor-this-one")));
    assertEquals(
        "B2 needs no-such-program, nor-this-one, which are not installed or not in PATH.",
        e.getMessage());
  }

  @Test
  void shouldReturnWhatAProgramPrints() throws Exception {
    assertEquals("twice\n", Command.run(List.of("sh", "-c", "echo twice"), 10));
  }

  @Test
  void shouldSayWhatAProgramThatFailsSaid() {
    IOException e =
        assertThrows(
            IOException.class,
            () -> Command.run(List.of("sh", "-c", "echo no such device >&2; exit 3"), 10));
    assertTrue(e.getMessage().contains("exit code 3: no such device"), e.getMessage());
  }

  @Test
  void shouldEndAProgramThatHangs() {
    IOException e = assertThrows(IOException.class, () -> Command.run(List.of("sleep", "100"), 1));
    assertEquals("sleep did not end within 1 s.", e.getMessage());
  }
}
