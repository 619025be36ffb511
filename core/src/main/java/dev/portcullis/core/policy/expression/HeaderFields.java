package dev.portcullis.core.policy.expression;

/**
 * What an expression sees of a packet: only what all modules see alike, in both directions, and on
 * its whole way. Filled again for every packet; one object per thread.
 */
public final class HeaderFields {

  long version;
  long protocol;
  long sourceHigh;
  long sourceLow;
  long destinationHigh;
  long destinationLow;
  long sourcePort;
  long destinationPort;
  boolean failed;

  /** Makes the fields of no packet. */
  public HeaderFields() {}

  /** Sets all fields; without ports, ports and protocol are 0. */
  public void set(
      int version,
      int protocol,
      long sourceHigh,
      long sourceLow,
      long destinationHigh,
      long destinationLow,
      boolean hasPorts,
      int sourcePort,
      int destinationPort) {
    this.version = version;
    this.protocol = hasPorts ? protocol : 0;
    this.sourceHigh = sourceHigh;
    this.sourceLow = sourceLow;
    this.destinationHigh = destinationHigh;
    this.destinationLow = destinationLow;
    this.sourcePort = hasPorts ? sourcePort : 0;
    this.destinationPort = hasPorts ? destinationPort : 0;
  }

  /** The last evaluation divided by zero or overflowed. */
  public boolean failed() {
    return failed;
  }

  /** An address as one number below 2^32: an IPv4 address, or the words of an IPv6 one combined. */
  static long folded(long high, long low) {
    return (high >>> 32 ^ high ^ low >>> 32 ^ low) & 0xffff_ffffL;
  }
}
