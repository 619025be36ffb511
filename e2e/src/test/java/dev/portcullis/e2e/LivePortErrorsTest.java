package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a person gets whose device or privilege is missing: one sentence, and exit code 3. */
class LivePortErrorsTest {

  @TempDir Path folder;

  private Path yaml(String port) throws Exception {
    return Files.writeString(
        folder.resolve("gateway.yaml"),
        """
        apiVersion: portcullis.dev/v1alpha1
        kind: PacketGateway
        metadata: {name: g}
        spec:
          io: [{name: io-a, ports: [{name: lan, zone: lan, %s}]}]
          routes: [{to: 0.0.0.0/0, port: lan}]
        """
            .formatted(port));
  }

  private static void assertSentence(String sentence, String said) {
    assertEquals(sentence, said.strip());
  }

  /** Runs the gateway in a namespace, without some capabilities. */
  private void assertRefused(String sentence, String without, String port) throws Exception {
    Netns.need("ip", "setpriv");
    try (Netns netns = new Netns()) {
      List<String> command = new ArrayList<>(List.of("setpriv", "--bounding-set=" + without));
      command.addAll(Said.command("-Xmx512m", "run", "-f", yaml(port).toString()));
      String host = netns.add();
      netns.wire(host, "eth0", host, "eth1");
      Netns.Ended ended = netns.call(host, command.toArray(String[]::new));
      // libraries of the tests speak before it
      assertSentence(sentence, ended.out().lines().reduce("", (_, last) -> last));
      assertEquals(3, ended.code());
    }
  }

  @Test
  void shouldSayThatAnInterfaceDoesNotExist() throws Exception {
    Netns.need("ip");
    Said said =
        Said.by("run", "-f", yaml("driver: packet, packet: {device: no-such-device}").toString());
    assertSentence(
        "port lan: the device no-such-device does not exist: No such device.", said.err());
    assertEquals(3, said.exitCode());
  }

  @Test
  void shouldSayThatAPacketSocketTakesAPrivilege() throws Exception {
    assertRefused(
        "port lan: a packet socket cannot be opened: Operation not permitted; it takes the capability"
            + " CAP_NET_RAW.",
        "-net_raw",
        "driver: packet, packet: {device: eth0}");
  }

  @Test
  void shouldSayThatATunDeviceTakesAPrivilege() throws Exception {
    assertRefused(
        "port lan: the device t0 cannot be made or opened: Operation not permitted; it takes the"
            + " capability CAP_NET_ADMIN.",
        "-net_admin",
        "driver: tun, tun: {device: t0}");
  }

  @Test
  void shouldSayThatALoopbackIsNoEthernetInterface() throws Exception {
    Said said = Said.by("run", "-f", yaml("driver: packet, packet: {device: lo}").toString());
    assertSentence("port lan: the device lo is no Ethernet interface.", said.err());
  }

  @Test
  void shouldSayThatAnInterfaceTakesNoPacketsOfTheMtu() throws Exception {
    assertRefused(
        "port lan: mtu is 9000 and the device eth0 takes 1500 bytes; allowed is no more than the"
            + " device takes.",
        "-net_admin",
        "driver: packet, mtu: 9000, packet: {device: eth0}");
  }

  @Test
  void shouldSayThatADriverIsNotThereYet() throws Exception {
    Said said = Said.by("run", "-f", yaml("driver: geneve").toString());
    assertTrue(said.err().contains("allowed are pcap, tun and packet"), said.toString());
    assertEquals(1, said.exitCode());
  }
}
