package dev.portcullis.core.policy;

import dev.portcullis.core.policy.GatewaySpec.Driver;
import dev.portcullis.core.policy.GatewaySpec.PortSpec;
import dev.portcullis.core.policy.GatewaySpec.TunnelMode;
import dev.portcullis.core.policy.GatewaySpec.TunnelSpec;
import dev.portcullis.core.wire.IpAddress;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Checks what the fields of a port say about each other. One thread. */
final class PortChecks {

  /** {@code IFNAMSIZ} less the zero; no slash and no blank, as {@code dev_valid_name} has it. */
  private static final Pattern DEVICE = Pattern.compile("[^/:\\s]{1,15}");

  private static final Pattern MAC =
      Pattern.compile("[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}");

  private PortChecks() {}

  /** Checks that no two ports of an IO module have one device, or one UDP port. */
  static void checkDevices(Binder b, String at, List<PortSpec> ports) {
    Set<String> seen = new HashSet<>();
    for (int i = 0; i < ports.size(); i++) {
      String owned = owned(ports.get(i));
      if (owned != null && !seen.add(owned)) {
        b.fault(
            at + "[" + i + "]",
            "the " + owned + " is that of another port already; a port is allowed one of its own.");
      }
    }
  }

  /** What only one port can have, null where that is not said. */
  private static @Nullable String owned(PortSpec port) {
    GatewaySpec.TunSpec tun = port.tun();
    GatewaySpec.PacketSpec packet = port.packet();
    TunnelSpec tunnel = port.tunnel();
    String device =
        switch (port.driver()) {
          case TUN -> tun == null ? "" : tun.device();
          case PACKET -> packet == null ? "" : packet.device();
          case PCAP, VXLAN, GENEVE -> "";
        };
    if (tunnel != null) {
      return "UDP port " + port.udpPort() + " of " + tunnel.local();
    }
    return device.isEmpty() ? null : "device \"" + device + "\"";
  }

  /** Checks that frames of one port of an inline pair can leave by the other. */
  static void checkPair(Binder b, String at, List<PortSpec> pair) {
    boolean tun = pair.stream().anyMatch(it -> it.driver() == Driver.TUN);
    boolean ethernet =
        pair.stream().anyMatch(it -> it.driver() == Driver.PACKET || it.tunnel() != null);
    if (tun && ethernet) {
      b.fault(
          at + ".ports",
          "one port has a link layer (packet, vxlan, geneve) and the other has none (tun); allowed are"
              + " two ports with or two without.");
    }
    if (pair.stream().anyMatch(PortChecks::isXdp)) {
      b.fault(
          at + ".ports",
          "a port with packet.xdp keeps no VLAN tags and takes only what is for itself; allowed is no"
              + " pair with it.");
    }
    if (pair.stream().anyMatch(PortSpec::isReturning)) {
      b.fault(
          at + ".ports",
          "a port with mode: gwlb returns what it takes in; allowed is no pair with it.");
    }
  }

  private static boolean isXdp(PortSpec port) {
    GatewaySpec.PacketSpec packet = port.packet();
    return packet != null && packet.xdp();
  }

  static void check(Binder b, String at, PortSpec port) {
    GatewaySpec.TunSpec tun = port.tun();
    GatewaySpec.PacketSpec packet = port.packet();
    if (port.driver() == Driver.TUN && !b.has(at + ".tun")) {
      b.fault(at + ".tun", "the device of the port is missing; tun: {device: NAME} must be given.");
    }
    if (port.driver() == Driver.PACKET && !b.has(at + ".packet")) {
      b.fault(
          at + ".packet",
          "the interface of the port is missing; packet: {device: NAME} must be given.");
    }
    if (tun != null) {
      device(b, at + ".tun.device", tun.device());
    }
    if (packet != null) {
      device(b, at + ".packet.device", packet.device());
      mac(b, at + ".packet.mac", packet.mac());
    }
    if (port.driver() == Driver.VXLAN || port.driver() == Driver.GENEVE) {
      String driver = port.driver() == Driver.VXLAN ? "vxlan" : "geneve";
      tunnel(b, at + "." + driver, driver, port.tunnel());
    }
  }

  private static void mac(Binder b, String at, @Nullable String mac) {
    if (mac != null && !MAC.matcher(mac).matches()) {
      b.fault(
          at,
          "\"" + mac + "\" is no MAC address of a station; allowed is one like 02:00:00:00:00:01.");
    }
  }

  private static void tunnel(Binder b, String at, String driver, @Nullable TunnelSpec tunnel) {
    if (tunnel == null) {
      b.fault(
          at, "the tunnel of the port is missing; " + driver + ": {vni: NUMBER} must be given.");
      return;
    }
    boolean gwlb = tunnel.mode() == TunnelMode.GWLB;
    if (gwlb && driver.equals("vxlan")) {
      b.fault(at + ".mode", "gwlb does not go with vxlan; allowed is it with driver: geneve.");
    }
    if (!gwlb && tunnel.vni() == null && !b.has(at + ".vni")) {
      b.fault(
          at + ".vni", "the number of the virtual network is missing; allowed are 0 to 16777215.");
    }
    if (!gwlb && tunnel.healthPort() != null) {
      b.fault(
          at + ".healthPort",
          "health checks are not answered here; allowed is it with mode: gwlb.");
    }
    if (!tunnel.learn() && tunnel.remotes().isEmpty()) {
      b.fault(
          at + ".remotes",
          "there are no endpoints, and learn is false; allowed are one or more, or learn: true.");
    }
    IpAddress local = IpAddress.parse(tunnel.local());
    for (int i = 0; i < tunnel.remotes().size(); i++) {
      IpAddress remote = IpAddress.parse(tunnel.remotes().get(i));
      if (local != null && remote != null && local.version() != remote.version()) {
        b.fault(
            at + ".remotes[" + i + "]",
            "the endpoint is of another family than local; allowed is IPv" + local.version() + ".");
      }
    }
    mac(b, at + ".mac", tunnel.mac());
  }

  private static void device(Binder b, String at, String name) {
    if (!name.isEmpty()
        && (!DEVICE.matcher(name).matches() || name.equals(".") || name.equals(".."))) {
      b.fault(
          at,
          "\""
              + name
              + "\" is no name of a device; allowed are up to 15 characters without blanks, \"/\" and"
              + " \":\".");
    }
  }
}
