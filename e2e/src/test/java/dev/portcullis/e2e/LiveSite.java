package dev.portcullis.e2e;

import dev.portcullis.core.counters.Counter;
import java.nio.file.Path;
import java.util.List;

/**
 * A site with a gateway of processes - two IO modules, three workers and a switch - between a
 * client and a server, each of which runs the usual daemons, and behind the server, which routes, a
 * third host on a link whose MTU is smaller.
 *
 * <p>Rules: from the client's side all is allowed but port 7001 (dropped) and 7002 (rejected); from
 * the server's side FTP, SSH and HTTP are. On routes, IPv4 of the client is translated, and the
 * client is published at {@link LiveNetwork#SNAT}.
 */
final class LiveSite implements AutoCloseable {

  static final int FAR_MTU = 1300;

  /** What the prefix of the client is translated to. */
  private static final String PREFIX = "fd7a::/64";

  final LiveNetwork net;
  final HostServices services;
  final ModuleProcesses modules;
  final String far;
  final String farV4 = "10.73.0.2";
  final String farV6 = "fd73::2";
  private final LiveNetwork.Driver driver;
  private final Path folder;

  /** Makes the hosts and starts their daemons; no gateway connects them yet. */
  LiveSite(LiveNetwork.Driver driver, Path folder) throws Exception {
    this.driver = driver;
    this.folder = folder;
    net = new LiveNetwork(driver, folder);
    modules = new ModuleProcesses(folder, Netns.inside(net.gateway));
    far = net.netns.add();
    net.netns.wire(far, "eth0", net.server, "eth1");
    address(far, "eth0", "10.73.0.2/24", "fd73::2/64");
    address(net.server, "eth1", "10.73.0.1/24", "fd73::1/64");
    net.netns.ip(far, "link set eth0 mtu " + FAR_MTU);
    net.netns.ip(net.server, "link set eth1 mtu " + FAR_MTU);
    net.netns.ip(far, "route add default via 10.73.0.1");
    net.netns.ip(far, "route add default via fd73::1");
    net.netns.run(
        net.server,
        "sysctl",
        "-qw",
        "net.ipv4.ip_forward=1",
        "net.ipv6.conf.all.forwarding=1",
        // as many errors as there are causes
        "net.ipv4.icmp_ratelimit=0",
        "net.ipv6.icmp.ratelimit=0");
    if (inline()) {
      net.netns.ip(net.client, "route add 10.73.0.0/24 via " + net.serverV4);
      net.netns.ip(net.client, "route add fd73::/64 via " + net.serverV6);
    }
    if (tun()) {
      net.netns.ip(net.gateway, "route add 10.73.0.0/24 via " + net.serverV4);
      net.netns.ip(net.gateway, "route add fd73::/64 via " + net.serverV6);
    }
    services = new HostServices(net.netns, folder);
    for (String host : List.of(net.client, net.server, far)) {
      services.run(host);
    }
  }

  private void address(String host, String device, String v4, String v6) throws Exception {
    net.netns.ip(host, "addr add " + v4 + " dev " + device);
    net.netns.ip(host, "addr add " + v6 + " dev " + device + " nodad");
  }

  /** Whether the gateway is a wire, without translation. */
  boolean inline() {
    return driver == LiveNetwork.Driver.INLINE;
  }

  /** The address at which the server's side reaches the client over IPv4. */
  String publishedV4() {
    return inline() ? "10.71.0.2" : LiveNetwork.SNAT;
  }

  /** Whether the client's IPv6 prefix is translated as RFC 6296 says. */
  enum Prefix {
    KEPT,
    TRANSLATED
  }

  /** Starts the gateway and waits until it is ready. */
  void start(String algorithm, int shards, Prefix prefix) throws Exception {
    modules.startAll(net.gateway(algorithm, shards) + policy(prefix));
    net.connect();
    if (tun()) {
      // what the kernel of the gateway's host says to translated senders
      net.netns.ip(net.gateway, "route add " + LiveNetwork.SNAT + " dev tun-wan src 10.72.0.254");
      net.netns.ip(net.gateway, "route add " + PREFIX + " dev tun-wan src fd72::254");
      net.netns.run(net.gateway, "sysctl", "-qw", "net.ipv4.conf.tun-lan.accept_local=1");
    }
  }

  /**
   * Compares what a port counts as received, or as lost before it, with what comes from its side:
   * at the host, or at the TUN device.
   */
  Wiretap tapReceived(String port) throws Exception {
    Wiretap.Count counted =
        () -> {
          Accounts accounts = modules.accounts();
          return accounts.sum(Counter.PACKETS_RECEIVED, it -> port.equals(it.get("port")))
              + accounts.sum(Counter.PORT_OVERRUNS, it -> port.equals(it.get("port")))
              + lostByKernel(port);
        };
    return tap("received by " + port, counted, port, "outbound", "dst");
  }

  /**
   * Compares what a port counts as sent with what comes out of it; they agree where no packet is
   * cut on its way out.
   */
  Wiretap tapSent(String port) throws Exception {
    String module = port.equals("lan") ? "io/0" : "io/1";
    Wiretap.Count counted =
        () -> {
          Accounts accounts = modules.accounts();
          return accounts.sum(Counter.PACKETS_FORWARDED, it -> port.equals(it.get("port")))
              + accounts.sum(Counter.PACKETS_ORIGINATED, it -> module.equals(it.get("module")));
        };
    return tap("sent by " + port, counted, port, "inbound", "src");
  }

  private Wiretap tap(
      String name, Wiretap.Count counted, String port, String direction, String kernelIs)
      throws Exception {
    if (tun()) {
      return Wiretap.on(
          name, counted, net.netns, net.gateway, "tun-" + port, direction, "ip or ip6", folder);
    }
    // what the kernel of the gateway's host gets and says is none of the gateway's
    boolean lan = port.equals("lan");
    String filter = "not ether " + kernelIs + " " + net.macOfKernel(lan ? "pg0" : "pg1");
    String host = lan ? net.client : net.server;
    return Wiretap.on(name, counted, net.netns, host, net.hostDevice, direction, filter, folder);
  }

  /**
   * What the kernel could not hand over in time to who reads the device that is listened at: the
   * port where it is a TUN device, Open vSwitch at the host.
   */
  private long lostByKernel(String port) throws Exception {
    String host = port.equals("lan") ? net.client : net.server;
    String device = tun() ? "tun-" + port : net.hostDevice;
    String count = "/sys/class/net/" + device + "/statistics/tx_dropped";
    return Long.parseLong(net.netns.run(tun() ? net.gateway : host, "cat", count).strip());
  }

  private boolean tun() {
    return driver == LiveNetwork.Driver.TUN;
  }

  private String policy(Prefix prefix) {
    String nat =
        """
          nat:
            source: [{name: out, from: [lan], to: [wan], source: [10.71.0.0/24], translateTo: {addresses: [SNAT]}}]
            destination:
              - {name: ftp, from: [wan], destination: SNAT, service: {tcp: 21}, translateTo: {address: 10.71.0.2}}
              - {name: ssh, from: [wan], destination: SNAT, service: {tcp: 22}, translateTo: {address: 10.71.0.2}}
              - {name: www, from: [wan], destination: SNAT, service: {tcp: 80}, translateTo: {address: 10.71.0.2}}
        """
            .replace("SNAT", LiveNetwork.SNAT);
    String prefixes =
        "    prefix: [{name: six, zones: [wan], external: \""
            + PREFIX
            + "\", internal: \"fd71::/64\"}]\n";
    return """
        ---
        apiVersion: portcullis.dev/v1alpha1
        kind: GatewayPolicy
        metadata: {name: p}
        spec:
          defaultAction: drop
          rules:
            - {name: silent, from: [lan], services: [{tcp: [7001], udp: [7001]}], action: drop}
            - {name: refused, from: [lan], services: [{tcp: [7002], udp: [7002]}], action: reject}
            - {name: out, from: [lan], to: [wan], action: accept}
            - {name: published, from: [wan], to: [lan], services: [{tcp: [21, 22, 80]}], action: accept}
        """
        + (inline() ? "" : nat + (prefix == Prefix.TRANSLATED ? prefixes : ""));
  }

  @Override
  public void close() throws Exception {
    modules.close();
    net.close();
  }
}
