package dev.portcullis.io.neighbour;

import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.Prefix;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * To whom on the link of a port a packet goes: the next hop of the longest route by this port, or
 * the receiver itself where the route names none, where the receiver is in a network of the port,
 * and where no route has it. Immutable; any thread.
 */
public final class NextHops {

  private record Hop(Prefix to, @Nullable IpAddress via) {}

  private final Hop[] longestFirst;

  /** Gathers the networks of a port and the routes that lead out by it. */
  public NextHops(GatewaySpec spec, GatewaySpec.PortSpec port) {
    List<Hop> hops = new ArrayList<>();
    for (String address : port.addresses()) {
      hops.add(new Hop(prefix(address), null));
    }
    for (GatewaySpec.Route route : spec.routes()) {
      if (route.port().equals(port.name())) {
        String via = route.via();
        hops.add(new Hop(prefix(route.to()), via == null ? null : IpAddress.parse(via)));
      }
    }
    hops.sort(Comparator.comparingInt((Hop it) -> it.to.length()).reversed());
    longestFirst = hops.toArray(Hop[]::new);
  }

  private static Prefix prefix(String text) {
    return Objects.requireNonNull(Prefix.parse(text), text);
  }

  /** Returns the next hop; null: the receiver itself. */
  public @Nullable IpAddress find(int version, long high, long low) {
    for (Hop it : longestFirst) {
      if (it.to.contains(version, high, low)) {
        return it.via;
      }
    }
    return null;
  }
}
