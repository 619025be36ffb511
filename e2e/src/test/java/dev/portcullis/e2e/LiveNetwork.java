package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.portcullis.core.counters.Counter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * A client host, a gateway and a server host, each a network namespace, with real stacks of the
 * kernel at both ends. The namespace of the gateway forwards, as far as the kernel is asked: what
 * it forwards or answers of what the gateway took is a fault.
 */
final class LiveNetwork implements AutoCloseable {

  /** How the gateway gets at the packets. */
  enum Driver {
    /** Two TUN devices; the kernel of the gateway's host sends both sides' packets into them. */
    TUN,
    /** Two Ethernet devices on which the gateway is a router of its own. */
    ROUTED,
    /** The same, with the MAC addresses of the devices. */
    STATION,
    /** The same as routed, past the kernel's stack; the hosts compute their checksums. */
    XDP,
    /** Two Ethernet devices that the gateway joins to a wire. */
    INLINE,
    /** Two virtual networks; the hosts have VXLAN devices of the kernel. */
    VXLAN,
    /** Two virtual networks; the hosts have Open vSwitch, whose packets the kernel never sees. */
    GENEVE;

    /** Whether hosts and gateway have a network between them that carries another. */
    boolean isTunnel() {
      return this == VXLAN || this == GENEVE;
    }

    /** Whether the gateway finds next hops itself. */
    boolean hasNeighbours() {
      return this == ROUTED || this == STATION || this == XDP || isTunnel();
    }
  }

  /** Longest packet inside of a tunnel over Ethernet. */
  private static final int TUNNEL_MTU = 1450;

  static final String SNAT = "10.72.0.9";
  private static final int START_SECONDS = 300;

  /** What the kernel's end of the TUN device on the side of the client gets. */
  private static final String LAN_KERNEL =
      ", addresses: [10.70.0.1/32, \"fd70::1/128\"], routes: [10.70.1.0/24, \"fd70:1::/64\"]";

  final Netns netns = new Netns();
  final String client;
  final String gateway;
  final String server;
  final String serverV4;
  final String serverV6;

  /** Name of the device that the client and the server have their addresses on. */
  final String hostDevice;

  private final Driver driver;
  private final Path folder;
  private Process running;

  /** Makes the hosts; nothing connects them before {@link #run}. */
  LiveNetwork(Driver driver, Path folder) throws Exception {
    this.driver = driver;
    this.folder = folder;
    boolean inline = driver == Driver.INLINE;
    serverV4 = inline ? "10.71.0.3" : "10.72.0.2";
    serverV6 = inline ? "fd71::3" : "fd72::2";
    hostDevice =
        switch (driver) {
          case VXLAN -> "vx0";
          case GENEVE -> "br-in";
          default -> "eth0";
        };
    client = netns.add();
    gateway = netns.add();
    server = netns.add();
    try {
      addressHosts();
    } catch (Exception | AssertionError e) {
      // nobody closes what was not made
      netns.close();
      throw e;
    }
  }

  private void addressHosts() throws Exception {
    netns.wire(client, "eth0", gateway, "pg0");
    netns.wire(server, "eth0", gateway, "pg1");
    if (driver == Driver.XDP) {
      netns.run(client, "ethtool", "-K", "eth0", "tx", "off");
      netns.run(server, "ethtool", "-K", "eth0", "tx", "off");
    }
    netns.run(
        gateway,
        "sysctl",
        "-qw",
        "net.ipv4.ip_forward=1",
        "net.ipv6.conf.all.forwarding=1",
        "net.ipv4.conf.all.rp_filter=0",
        "net.ipv4.conf.default.rp_filter=0");
    if (driver.isTunnel()) {
      joinTunnel(client, "10.61.0", 42);
      joinTunnel(server, "10.62.0", 43);
    }
    address(client, hostDevice, "10.71.0.2/24", "fd71::2/64");
    address(server, hostDevice, serverV4 + "/24", serverV6 + "/64");
    if (driver == Driver.INLINE) {
      return;
    }
    String host = driver == Driver.TUN ? "254" : "1";
    if (driver == Driver.TUN) {
      address(gateway, "pg0", "10.71.0.254/24", "fd71::254/64");
      address(gateway, "pg1", "10.72.0.254/24", "fd72::254/64");
      // a TUN device has no link layer: nobody answers ARP for what is behind it
      netns.ip(server, "route add " + SNAT + "/32 via 10.72.0.254");
      netns.ip(client, "route add 10.71.0.1/32 via 10.71.0.254");
      netns.ip(client, "route add fd71::1/128 via fd71::254");
    }
    netns.ip(client, "route add default via 10.71.0." + host);
    netns.ip(client, "route add default via fd71::" + host);
    netns.ip(server, "route add default via 10.72.0." + host);
    netns.ip(server, "route add default via fd72::" + host);
  }

  /** Makes the device that a host has its addresses on. */
  private void joinTunnel(String host, String carrier, int vni) throws Exception {
    netns.ip(gateway, "addr add " + carrier + ".1/24 dev " + (vni == 42 ? "pg0" : "pg1"));
    if (driver == Driver.GENEVE) {
      OpenVSwitch.connect(netns, host, folder, carrier, vni, hostDevice);
      return;
    }
    netns.ip(host, "addr add " + carrier + ".2/24 dev eth0");
    String far = " local " + carrier + ".2 remote " + carrier + ".1 dstport 4789 dev eth0";
    netns.ip(host, "link add " + hostDevice + " type vxlan id " + vni + far);
    // a super-packet in a datagram is none that a socket gets in pieces
    netns.run(host, "ethtool", "-K", hostDevice, "tx", "off", "tso", "off", "gso", "off");
    netns.ip(host, "link set " + hostDevice + " up");
  }

  private void address(String name, String device, String v4, String v6) throws Exception {
    netns.ip(name, "addr add " + v4 + " dev " + device);
    netns.ip(name, "addr add " + v6 + " dev " + device + " nodad");
  }

  /** Gives a host so many addresses more, and returns them, with commas between. */
  String addresses(String host, String prefix, int count) throws Exception {
    List<String> added = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      added.add(prefix + (10 + i));
      netns.ip(host, "addr add " + added.get(i) + "/24 dev " + hostDevice);
    }
    return String.join(",", added);
  }

  /** Configuration: rules, translation where there are routes, state. */
  String yaml(String algorithm, int shards) throws Exception {
    return gateway(algorithm, shards) + policy();
  }

  /** The gateway alone: its ports, and the ways between them; its policy is {@code p}. */
  String gateway(String algorithm, int shards) throws Exception {
    // with two shards, super-packets of the client are cut before they leave
    boolean cut = shards == 2;
    String lan = "driver: tun, tun: {device: tun-lan, queues: " + shards + LAN_KERNEL + "}";
    String wan = "driver: tun, tun: {device: tun-wan, offload: " + !cut + "}";
    if (driver != Driver.TUN) {
      lan = "driver: packet, packet: {device: pg0, queues: " + shards + mac("pg0") + "}";
      wan = "driver: packet, packet: {device: pg1, offload: " + !cut + mac("pg1") + "}";
    }
    if (driver == Driver.XDP) {
      lan = "driver: packet, packet: {device: pg0, xdp: true}";
      wan = "driver: packet, packet: {device: pg1, xdp: true}";
    }
    if (driver.isTunnel()) {
      // with two shards the gateway learns where the hosts are
      String told = cut ? "" : ", learn: false, remotes: [10.6%d.0.2]";
      String tunnel = "driver: %s, %s: {vni: 4%d, local: 10.6%d.0.1, queues: %d" + told + "}";
      String name = driver.name().toLowerCase(Locale.ROOT);
      lan = tunnel.formatted(name, name, 2, 1, shards, 1) + ", mtu: " + TUNNEL_MTU;
      wan = tunnel.formatted(name, name, 3, 2, 1, 2) + (cut ? "" : ", mtu: " + TUNNEL_MTU);
    }
    boolean inline = driver == Driver.INLINE;
    String lanAddresses = inline ? "" : ", addresses: [10.71.0.1/24, \"fd71::1/64\"]";
    String wanAddresses = inline ? "" : ", addresses: [10.72.0.1/24, \"fd72::1/64\"]";
    // with two shards, behind the gateway packets are shorter than before it
    wanAddresses += cut && !inline ? ", mtu: 1400" : "";
    String ways =
        inline
            ? "  inline: [{name: bump, ports: [lan, wan]}]\n"
            : """
                routes:
                  - {to: 10.71.0.0/24, port: lan}
                  - {to: 10.72.0.0/24, port: wan}
                  - {to: "fd71::/64", port: lan}
                  - {to: "fd72::/64", port: wan}
                  - {to: 10.73.0.0/24, port: wan, via: 10.72.0.2}
                  - {to: "fd73::/64", port: wan, via: "fd72::2"}
              """;
    return """
        apiVersion: portcullis.dev/v1alpha1
        kind: PacketGateway
        metadata: {name: live}
        spec:
          workers: {replicas: 3, shards: %d}
          distribution: {algorithm: %s}
          io:
            - name: io-a
              ports: [{name: lan, zone: lan%s, %s}]
            - name: io-b
              ports: [{name: wan, zone: wan%s, %s}]
        %s  policy: p
        """
        .formatted(shards, algorithm, lanAddresses, lan, wanAddresses, wan, ways);
  }

  private String policy() {
    String nat =
        driver == Driver.INLINE
            ? ""
            : """
                nat:
                  source: [{name: out, from: [lan], to: [wan], source: [10.71.0.0/24], translateTo: {addresses: [SNAT]}}]
                  destination: [{name: www, from: [wan], destination: SNAT, service: {tcp: 8081}, translateTo: {address: 10.71.0.2, port: 8080}}]
              """
                .replace("SNAT", SNAT);
    return """
        ---
        apiVersion: portcullis.dev/v1alpha1
        kind: GatewayPolicy
        metadata: {name: p}
        spec:
          defaultAction: drop
          rules:
            - {name: silent, from: [lan], services: [{tcp: [7001]}], action: drop}
            - {name: refused, from: [lan], services: [{tcp: [7002]}], action: reject}
            - {name: out, from: [lan], to: [wan], action: accept}
            - {name: www, from: [wan], to: [lan], services: [{tcp: [8080]}], action: accept}
        %s"""
        .formatted(nat);
  }

  private String mac(String device) throws Exception {
    return driver == Driver.STATION ? ", mac: \"" + macOfKernel(device) + "\"" : "";
  }

  /** MAC address of a device of the gateway's host. */
  String macOfKernel(String device) throws Exception {
    return netns.run(gateway, "cat", "/sys/class/net/" + device + "/address").strip();
  }

  /** Runs the gateway in one process. */
  void run(String algorithm, int shards) throws Exception {
    Path yaml = Files.writeString(folder.resolve("live.yaml"), yaml(algorithm, shards));
    Path log = folder.resolve("gateway.log");
    if (driver == Driver.TUN && shards == 1) {
      // one device is there before, the other is made
      netns.ip(gateway, "tuntap add dev tun-lan mode tun");
    }
    running =
        netns.start(
            gateway,
            log,
            Said.command("-Xmx512m", "run", "-f", yaml.toString(), "--http", "127.0.0.1:9100")
                .toArray(String[]::new));
    awaitLog(log, "gateway live runs");
    connect();
  }

  private void awaitLog(Path log, String text) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    while (!Files.readString(log).contains(text)) {
      if (System.nanoTime() > deadline || !running.isAlive()) {
        throw new AssertionError("the gateway does not run: " + Files.readString(log));
      }
      Thread.sleep(50);
    }
  }

  /**
   * Where the devices are TUN devices: sends both sides' packets into them. Where the gateway may
   * have to learn by which endpoints the hosts are: lets it hear them.
   */
  void connect() throws Exception {
    if (driver.isTunnel()) {
      netns.run(client, "ping", "-n", "-c", "1", "-W", "20", "10.71.0.1");
      netns.run(server, "ping", "-n", "-c", "1", "-W", "20", "10.72.0.1");
    }
    if (driver == Driver.TUN) {
      for (String family : List.of("-4", "-6")) {
        netns.ip(gateway, family + " rule add iif pg0 lookup 100 prio 100");
        netns.ip(gateway, family + " rule add iif pg1 lookup 101 prio 101");
        netns.ip(gateway, family + " route add default dev tun-lan table 100");
        netns.ip(gateway, family + " route add default dev tun-wan table 101");
      }
    }
  }

  /** Serves the files of a folder over HTTP, on both families. */
  void serve(String host, Path files, int port) throws Exception {
    netns.start(
        host,
        folder.resolve("http-" + port + ".log"),
        "python3",
        "-m",
        "http.server",
        "--bind",
        "::",
        Integer.toString(port),
        "--directory",
        files.toString());
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    String url = "http://127.0.0.1:" + port + "/";
    while (netns.call(host, "curl", "-s", "-o", "/dev/null", url).code() != 0) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("the HTTP server of " + host + " does not answer");
      }
      Thread.sleep(100);
    }
  }

  /** What the gateway counts. */
  Accounts accounts() throws Exception {
    return Accounts.of(List.of())
        .with(netns.run(gateway, "curl", "-s", "http://127.0.0.1:9100/q/metrics"));
  }

  /** Waits until nothing is on its way, and asserts that the books balance. */
  void awaitBalance() throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (true) {
      try {
        accounts().assertBalanced(driver.toString());
        return;
      } catch (AssertionError e) {
        if (System.nanoTime() > deadline) {
          throw e;
        }
        Thread.sleep(200);
      }
    }
  }

  /** Waits until the gateway has dropped so many packets, or more, for a reason. */
  void awaitDropped(String reason, long least) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (true) {
      long dropped = accounts().sum(Counter.PACKETS_DROPPED, it -> reason.equals(it.get("reason")));
      if (dropped >= least) {
        return;
      }
      if (System.nanoTime() > deadline) {
        throw new AssertionError(dropped + " dropped as " + reason + ", not " + least);
      }
      Thread.sleep(100);
    }
  }

  /** Packets that the kernel of the gateway's host forwarded itself. */
  long forwardedByKernel() throws Exception {
    long sum = 0;
    List<String> keys = new ArrayList<>();
    for (String line : netns.run(gateway, "cat", "/proc/net/snmp").lines().toList()) {
      if (line.startsWith("Ip:")) {
        List<String> words = List.of(line.split(" "));
        if (keys.isEmpty()) {
          keys.addAll(words);
        } else {
          sum += Long.parseLong(words.get(keys.indexOf("ForwDatagrams")));
        }
      }
    }
    for (String line : netns.run(gateway, "cat", "/proc/net/snmp6").lines().toList()) {
      if (line.startsWith("Ip6OutForwDatagrams")) {
        sum += Long.parseLong(line.split("\\s+")[1]);
      }
    }
    return sum;
  }

  /** Ends the gateway as an operator does. */
  void stop() throws IOException, InterruptedException {
    running.destroy();
    if (!running.waitFor(30, TimeUnit.SECONDS)) {
      throw new AssertionError("the gateway did not end");
    }
    assertEquals(0, running.exitValue(), Files.readString(folder.resolve("gateway.log")));
  }

  @Override
  public void close() throws Exception {
    netns.close();
  }
}
