package dev.portcullis.core.management;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.portcullis.core.distribution.Member;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ManagementWireTest {

  @Test
  void shouldReadTheDirectiveThatItWrote() {
    Directive directive =
        Directive.of(
            4,
            3,
            77,
            List.of(new Member(0, 1, "a", 1, 1), new Member(5, 9, "b", 65_535, 4)),
            "kind: X\n");
    assertEquals(directive, ManagementWire.decode(ManagementWire.encode(directive)));
  }

  @Test
  void shouldReadTheHelloThatItWrote() {
    ModuleHello worker =
        ModuleHello.worker(3, 8, "worker-3", 7000, 2)
            .holding(6, 77, List.of(new Member(3, 8, "worker-3", 7000, 2)));
    assertEquals(worker, ManagementWire.decode(ManagementWire.encode(worker).getHello()));
    ModuleHello io = ModuleHello.io(1, 8, Map.of("lan", 4, "dmz", 5));
    assertEquals(io, ManagementWire.decode(ManagementWire.encode(io).getHello()));
  }

  @Test
  void shouldRefuseAPolicyThatIsNotTheOneOfTheDigest() {
    var message = ManagementWire.encode(Directive.of(1, 0, 1, List.of(), "kind: X\n")).toBuilder();
    message.setPolicyYaml("kind: Y\n");
    assertThrows(IllegalArgumentException.class, () -> ManagementWire.decode(message.build()));
  }

  @Test
  void shouldRefuseAWorkerOutOfRange() {
    var message = ManagementWire.encode(Directive.of(1, 0, 1, List.of(), "")).toBuilder();
    message.addWorkersBuilder().setNumber(0).setPort(70_000).setShards(1);
    assertThrows(IllegalArgumentException.class, () -> ManagementWire.decode(message.build()));
  }

  @Test
  void shouldRefuseAHelloThatListsAPortTwice() {
    var hello =
        ManagementWire.encode(ModuleHello.io(0, 1, Map.of("lan", 0))).getHello().toBuilder();
    hello.addPortsBuilder().setName("lan").setTag(1);
    assertThrows(IllegalArgumentException.class, () -> ManagementWire.decode(hello.build()));
  }

  @Test
  void shouldRefuseANumberOutOfRange() {
    var hello = ManagementWire.encode(ModuleHello.worker(0, 1, "h", 1, 1)).getHello().toBuilder();
    hello.setNumber(-1);
    assertThrows(IllegalArgumentException.class, () -> ManagementWire.decode(hello.build()));
  }
}
