package dev.portcullis.worker.policy;

import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.topology.LogicalInterface;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.core.wire.Prefix;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;

/**
 * Where packets leave: by the inline partner of the port of entry, or by the longest route.
 * Immutable; any thread.
 */
public final class Egress {

  /** {@link #find}: no route leads to the receiver. */
  public static final int NO_ROUTE = -1;

  /** {@link #find}: the port has no partner and there are no routes. */
  public static final int UNPAIRED = -2;

  private final Topology topology;
  private final int[] zoneOfTag;
  private final List<String> zones;
  private final AddressMap map;
  private final int[][] tagsOfRoute;
  private final int[] mtuOfTag;
  private final boolean[] clampsMss;

  /** Compiles the routes and inline pairs of a gateway. */
  public Egress(GatewaySpec spec, Topology topology) {
    this.topology = topology;
    this.zones = topology.interfaces().stream().map(LogicalInterface::zone).distinct().toList();
    this.zoneOfTag =
        topology.interfaces().stream().mapToInt(it -> zones.indexOf(it.zone())).toArray();
    List<GatewaySpec.PortSpec> portOfTag =
        topology.interfaces().stream().map(it -> port(spec, it.port())).toList();
    this.mtuOfTag = portOfTag.stream().mapToInt(GatewaySpec.PortSpec::mtu).toArray();
    this.clampsMss = new boolean[mtuOfTag.length];
    for (int tag = 0; tag < clampsMss.length; tag++) {
      clampsMss[tag] = portOfTag.get(tag).clampMss();
    }
    List<GatewaySpec.Route> longestFirst = new ArrayList<>(spec.routes());
    longestFirst.sort(
        Comparator.comparingInt((GatewaySpec.Route it) -> prefix(it.to()).length()).reversed());
    this.map = AddressMap.of(longestFirst.stream().map(it -> List.of(prefix(it.to()))).toList());
    this.tagsOfRoute =
        longestFirst.stream()
            .map(
                it -> topology.ofPort(it.port()).stream().mapToInt(LogicalInterface::tag).toArray())
            .toArray(int[][]::new);
  }

  private static GatewaySpec.PortSpec port(GatewaySpec spec, String name) {
    return spec.io().stream()
        .flatMap(it -> it.ports().stream())
        .filter(it -> it.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  /** Returns the largest IP packet that a port takes, in bytes. */
  public int mtu(int tag) {
    return mtuOfTag[tag];
  }

  /** Whether the MSS of TCP is lowered on the way through a port. */
  public boolean clampsMss(int tag) {
    return clampsMss[tag];
  }

  /** Reads a prefix of a checked configuration. */
  public static Prefix prefix(String text) {
    return Objects.requireNonNull(Prefix.parse(text), text);
  }

  /** Names of the zones; the index is their number. */
  public List<String> zones() {
    return zones;
  }

  /** Returns the number of the zone of a logical interface. */
  public int zone(int tag) {
    return zoneOfTag[tag];
  }

  /** Number of logical interfaces. */
  public int tags() {
    return zoneOfTag.length;
  }

  /** Whether there is a logical interface with this tag. */
  public boolean exists(int tag) {
    return tag >= 0 && tag < zoneOfTag.length;
  }

  /** Returns the tags of all replicas of the port of a logical interface, its own among them. */
  public int[] replicas(int tag) {
    return topology.ofPort(at(tag).port()).stream().mapToInt(LogicalInterface::tag).toArray();
  }

  /** Returns the tag of the inline partner, -1 where there is none. */
  public int partner(int tag) {
    return topology.inlinePartner(tag);
  }

  /** Returns the logical interface with an existing tag. */
  public LogicalInterface at(int tag) {
    return topology.interfaces().get(tag);
  }

  /**
   * Returns the tag to leave by, or {@link #NO_ROUTE}, {@link #UNPAIRED}; replicas of a port share
   * the flows by V.
   */
  public int find(int ingressTag, int version, long high, long low, long vLow) {
    int partner = partner(ingressTag);
    if (partner >= 0) {
      return partner;
    }
    if (tagsOfRoute.length == 0) {
      return UNPAIRED;
    }
    int route = map.first(version, high, low);
    if (route < 0 || tagsOfRoute[route].length == 0) {
      return NO_ROUTE;
    }
    int[] tags = tagsOfRoute[route];
    return tags[(int) Long.remainderUnsigned(Lanes.mix(vLow), tags.length)];
  }
}
