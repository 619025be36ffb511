package dev.portcullis.worker.policy;

import dev.portcullis.core.policy.PolicySpec;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.Tuple;
import java.util.List;
import java.util.Objects;

/** The rules of DNAT, in order. Read on the first packet of a flow only. Immutable; any thread. */
public final class DestinationNatTable {

  private record Entry(
      boolean[] zones, IpAddress destination, ServiceMatch service, IpAddress to, int toPort) {}

  private final Entry[] entries;

  /** Compiles the rules. */
  public DestinationNatTable(List<PolicySpec.DestinationNat> rules, Egress egress) {
    entries = rules.stream().map(it -> compile(it, egress)).toArray(Entry[]::new);
  }

  private static Entry compile(PolicySpec.DestinationNat it, Egress egress) {
    Integer port = it.toPort();
    return new Entry(
        ServiceMatch.zones(it.from(), egress.zones()),
        Egress.prefix(it.destination()).address(),
        new ServiceMatch(it.service()),
        Egress.prefix(it.toAddress()).address(),
        port == null ? -1 : port);
  }

  /**
   * Returns the number of the first rule for a packet, -1: none. A packet without ports takes no
   * rule that names or sets some.
   */
  public int find(int zone, PacketHeader h) {
    for (int i = 0; i < entries.length; i++) {
      Entry it = entries[i];
      if (it.zones[zone]
          && it.destination.version() == h.version
          && it.to.version() == h.version
          && it.destination.low() == h.destinationLow
          && it.destination.high() == h.destinationHigh
          && it.service.matches(h)
          && (it.toPort < 0
              || Tuple.usesPorts(h)
                  && (h.protocol == PacketHeader.TCP || h.protocol == PacketHeader.UDP))) {
        return i;
      }
    }
    return -1;
  }

  /** Returns the first rule whose translation has made the sender of this reply, -1: none. */
  public int findReverse(PacketHeader h) {
    for (int i = 0; i < entries.length; i++) {
      IpAddress to = entries[i].to;
      if (to.version() == h.version
          && to.low() == h.sourceLow
          && to.high() == h.sourceHigh
          && (entries[i].toPort < 0 || entries[i].toPort == h.sourcePort)) {
        return i;
      }
    }
    return -1;
  }

  /** The address that a rule translates. */
  public IpAddress original(int rule) {
    return Objects.requireNonNull(entries[rule].destination);
  }

  /** The port that a rule translates, {@code port} where it says none. */
  public int originalPort(int rule, int protocol, int port) {
    return entries[rule].toPort < 0 ? port : entries[rule].service.firstPort(protocol, port);
  }

  /** The address that a rule translates to. */
  public IpAddress translated(int rule) {
    return entries[rule].to;
  }

  /** The port that a rule translates to, -1: unchanged. */
  public int translatedPort(int rule) {
    return entries[rule].toPort;
  }
}
