package dev.portcullis.core.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GuestPortsTest {

  @Test
  void shouldReadARangeAndOnePort() throws ModuleException {
    assertEquals(new GuestPorts(7501, 7504), GuestPorts.parse("--guest-ports", "7501-7504"));
    assertEquals(GuestPorts.only(7501), GuestPorts.parse("--guest-ports", "7501"));
    assertEquals(
        new GuestPorts(1, 65535),
        GuestPorts.parse("--guest-ports", new GuestPorts(1, 65535).toString()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "0", "7504-7501", "7501-", "-7501", "1-65536", "a-b", "1-2-3"})
  void shouldSayWhatARangeLooksLike(String text) {
    ModuleException e =
        assertThrows(ModuleException.class, () -> GuestPorts.parse("--guest-ports", text));
    assertEquals(ExitCode.USAGE, e.exitCode());
    assertEquals(
        "--guest-ports: \"" + text + "\" is not a range of ports, 1 to 65535, such as 7501-7504",
        e.sentence());
  }
}
