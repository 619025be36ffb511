package dev.portcullis.worker.policy;

import dev.portcullis.core.policy.PolicySpec;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.Tuple;
import java.util.Arrays;
import java.util.List;

/**
 * One service, asked packet by packet: for NAT rules, and the reference that the compiled rules are
 * tested against.
 */
public final class ServiceMatch {

  private final PolicySpec.Service service;
  private final boolean any;

  /** Matches what the service says; one without any list matches everything. */
  public ServiceMatch(PolicySpec.Service service) {
    this.service = service;
    this.any = service.any();
  }

  /** Returns for each zone whether it is in the list; an empty list has all. */
  public static boolean[] zones(List<String> named, List<String> zones) {
    boolean[] in = new boolean[zones.size()];
    for (int i = 0; i < in.length; i++) {
      in[i] = named.isEmpty() || named.contains(zones.get(i));
    }
    return in;
  }

  /** Whether a packet is of the service. One without ports is of none that names ports. */
  public boolean matches(PacketHeader h) {
    if (any) {
      return true;
    }
    for (int i = 0; i < service.protocols().size(); i++) {
      if (service.protocols().get(i) == h.protocol) {
        return true;
      }
    }
    return switch (h.protocol) {
      case PacketHeader.TCP -> Tuple.usesPorts(h) && contains(service.tcp(), h.destinationPort);
      case PacketHeader.UDP -> Tuple.usesPorts(h) && contains(service.udp(), h.destinationPort);
      case PacketHeader.ICMP -> contains(service.icmp(), h);
      case PacketHeader.ICMPV6 -> contains(service.icmpv6(), h);
      default -> false;
    };
  }

  private static boolean contains(List<PolicySpec.PortRange> ranges, int port) {
    for (int i = 0; i < ranges.size(); i++) {
      if (port >= ranges.get(i).first() && port <= ranges.get(i).last()) {
        return true;
      }
    }
    return false;
  }

  private static boolean contains(List<PolicySpec.IcmpMatch> types, PacketHeader h) {
    for (int i = 0; i < types.size(); i++) {
      PolicySpec.IcmpMatch it = types.get(i);
      if (it.type() == h.icmpType && (it.code() < 0 || it.code() == h.icmpCode)) {
        return true;
      }
    }
    return false;
  }

  /**
   * Returns the first port of the protocol that the service names, {@code otherwise} where it names
   * none.
   */
  public int firstPort(int protocol, int otherwise) {
    List<PolicySpec.PortRange> ranges =
        protocol == PacketHeader.TCP
            ? service.tcp()
            : protocol == PacketHeader.UDP ? service.udp() : List.of();
    return ranges.isEmpty() ? otherwise : ranges.getFirst().first();
  }

  @Override
  public String toString() {
    return Arrays.toString(new Object[] {service});
  }
}
