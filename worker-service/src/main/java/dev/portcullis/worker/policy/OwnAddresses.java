package dev.portcullis.worker.policy;

import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.topology.LogicalInterface;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.Prefix;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The addresses that the gateway has at its routed ports, and which receivers are no host behind
 * it: itself, and everybody on a link. Ports of an inline pair have none: a pair is a wire. Read on
 * the first packet of a flow and for answers only. Immutable; any thread.
 */
public final class OwnAddresses {

  private final Prefix[] all;
  private final Prefix[][] ofTag;

  /** Gathers the addresses of a gateway. */
  public OwnAddresses(GatewaySpec spec, Topology topology) {
    List<Prefix> gathered = new ArrayList<>();
    ofTag = new Prefix[topology.interfaces().size()][];
    for (LogicalInterface it : topology.interfaces()) {
      ofTag[it.tag()] =
          topology.inlinePartner(it.tag()) >= 0 ? new Prefix[0] : addresses(spec, it.port());
      gathered.addAll(List.of(ofTag[it.tag()]));
    }
    all = gathered.toArray(Prefix[]::new);
  }

  private static Prefix[] addresses(GatewaySpec spec, String port) {
    return port(spec, port).addresses().stream().map(Egress::prefix).toArray(Prefix[]::new);
  }

  private static GatewaySpec.PortSpec port(GatewaySpec spec, String name) {
    return spec.io().stream()
        .flatMap(io -> io.ports().stream())
        .filter(it -> it.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  /** Number of logical interfaces, of inline pairs too. */
  public int ports() {
    return ofTag.length;
  }

  /** Whether the gateway has this address, at whatever port. */
  public boolean isOwn(int version, long high, long low) {
    for (Prefix it : all) {
      IpAddress own = it.address();
      if (own.low() == low && own.high() == high && own.version() == version) {
        return true;
      }
    }
    return false;
  }

  /**
   * Whether a receiver is everybody on a link: limited and directed broadcast (RFC 1812 section
   * 5.3.5, RFC 2644), multicast that no router forwards (RFC 5771 section 4, RFC 4291 section 2.7).
   */
  public boolean isOnLink(int version, long high, long low) {
    if (version == 6) {
      int scope = (int) (high >>> 48) & 0xff0f;
      return scope == 0xff01 || scope == 0xff02;
    }
    return low == 0xffff_ffffL || low >>> 8 == 0xe0_0000L || isDirectedBroadcast(low);
  }

  /** Whether this is the broadcast address of the network of a port. */
  public boolean isDirectedBroadcast(long low) {
    for (Prefix it : all) {
      if (it.address().version() == 4 && it.length() < 31) {
        long hosts = (1L << 32 - it.length()) - 1;
        if (low == (it.address().low() | hosts)) {
          return true;
        }
      }
    }
    return false;
  }

  /**
   * Returns the address from which the gateway speaks by a port: the one whose network the other
   * side is in, else the first of that family; null where the port has none.
   */
  public @Nullable IpAddress speakingTo(int tag, int version, long high, long low) {
    IpAddress first = null;
    for (Prefix it : ofTag[tag]) {
      if (it.address().version() == version) {
        if (it.contains(version, high, low)) {
          return it.address();
        }
        first = first == null ? it.address() : first;
      }
    }
    return first;
  }
}
