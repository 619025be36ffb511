package dev.portcullis.core.event;

import dev.portcullis.core.wire.PacketHeader;

/** Both ends of a packet or flow as an event shows them. Mutable and reused; one thread. */
public final class EventTuple {

  /** IP version, 0: there are no addresses. */
  public int version;

  /** IP protocol. */
  public int protocol;

  public long sourceHigh;
  public long sourceLow;
  public long destinationHigh;
  public long destinationLow;

  /** Whether ports are shown: TCP, UDP and SCTP have some. */
  public boolean hasPorts;

  public int sourcePort;
  public int destinationPort;

  /** ICMP type, -1: it is no ICMP. */
  public int icmpType = -1;

  /** ICMP code. */
  public int icmpCode;

  /** Makes one without addresses. */
  public EventTuple() {}

  /** Shows nothing. */
  public void clear() {
    version = 0;
    icmpType = -1;
    hasPorts = false;
  }

  /** Takes what the headers of a packet say. */
  public void of(PacketHeader h) {
    clear();
    if (h.hasAddresses) {
      set(h.version, h.protocol, h.sourceHigh, h.sourceLow, h.destinationHigh, h.destinationLow);
      ports(h.hasPorts && !h.isEcho(), h.sourcePort, h.destinationPort);
      icmpType = h.icmpType;
      icmpCode = h.icmpCode;
    }
  }

  /** Sets addresses and protocol; there are no ports and no ICMP type afterwards. */
  public void set(
      int version,
      int protocol,
      long sourceHigh,
      long sourceLow,
      long destinationHigh,
      long destinationLow) {
    this.version = version;
    this.protocol = protocol;
    this.sourceHigh = sourceHigh;
    this.sourceLow = sourceLow;
    this.destinationHigh = destinationHigh;
    this.destinationLow = destinationLow;
    icmpType = -1;
    hasPorts = false;
  }

  /** Sets the ports. */
  public void ports(boolean shown, int source, int destination) {
    hasPorts = shown;
    sourcePort = source;
    destinationPort = destination;
  }
}
