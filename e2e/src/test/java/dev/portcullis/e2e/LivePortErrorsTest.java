package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.ServerSocket;
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
  void shouldSayThatTheUdpPortOfATunnelIsTaken() throws Exception {
    try (DatagramSocket taken = new DatagramSocket(0, InetAddress.getByName("127.0.0.1"))) {
      int port = taken.getLocalPort();
      String spec = "driver: vxlan, vxlan: {vni: 1, local: 127.0.0.1, port: " + port + "}";
      Said said = Said.by("run", "-f", yaml(spec).toString());
      assertSentence(
          "port lan: UDP port " + port + " of 127.0.0.1 is taken; allowed is one that is free.",
          said.err());
      assertEquals(3, said.exitCode());
    }
  }

  @Test
  void shouldSayThatTheAddressOfATunnelIsNotThere() throws Exception {
    Said said =
        Said.by(
            "run", "-f", yaml("driver: geneve, geneve: {vni: 1, local: 203.0.113.77}").toString());
    assertSentence(
        "port lan: the address 203.0.113.77 is not there; allowed is one of this host, or all"
            + " (0.0.0.0, ::).",
        said.err());
    assertEquals(3, said.exitCode());
  }

  @Test
  void shouldSayThatThereIsNoWayToAnEndpoint() throws Exception {
    assertRefused(
        "port lan: there is no way to the endpoint 203.0.113.77: Network is unreachable.",
        "-net_admin",
        "driver: vxlan, vxlan: {vni: 1, remotes: [203.0.113.77]}");
  }

  @Test
  void shouldSayThatATunnelTakesNoPacketsOfTheMtu() throws Exception {
    String spec = "driver: vxlan, mtu: 65535, vxlan: {vni: 1, remotes: [127.0.0.2]}";
    Said said = Said.by("run", "-f", yaml(spec).toString());
    assertSentence(
        "port lan: mtu is 65535 and the tunnel to 127.0.0.2 takes 65485 bytes; allowed is no more"
            + " than the tunnel takes.",
        said.err());
    assertEquals(3, said.exitCode());
  }

  @Test
  void shouldSayThatHealthChecksCannotBeAnswered() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      int port = taken.getLocalPort();
      String tunnel = "driver: geneve, geneve: {mode: gwlb, local: 127.0.0.1, healthPort: ";
      Path yaml = yaml(tunnel + port + "}");
      Files.writeString(yaml, Files.readString(yaml).replaceFirst("(?m)^.*routes:.*$", ""));
      Said said = Said.by("run", "-f", yaml.toString());
      assertSentence(
          "port lan: health checks cannot be answered at TCP port "
              + port
              + " of 127.0.0.1: Address already in use.",
          said.err());
      assertEquals(3, said.exitCode());
    }
  }
}
