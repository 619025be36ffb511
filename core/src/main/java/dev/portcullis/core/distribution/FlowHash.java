package dev.portcullis.core.distribution;

/**
 * A 64-bit hash of a 5-tuple that is the same for both directions. Each endpoint is mixed alone;
 * sum and exclusive or of the two do not know which was first, and both go into the result, so that
 * endpoints that only share their sum differ.
 *
 * <p>Without ports the key is the pair of addresses alone, without the protocol: all fragments of a
 * datagram meet, also where later IPv6 fragments name another next header than the first (RFC 8200
 * section 4.5).
 */
final class FlowHash {

  private static final long PORTS_SALT = 0x9e3779b97f4a7c15L;
  private static final long PAIR_SALT = 0xc2b2ae3d27d4eb4fL;

  private FlowHash() {}

  /** Returns the hash of addresses, ports and protocol. */
  static long ofTuple(
      int protocol,
      long srcHigh,
      long srcLow,
      int srcPort,
      long dstHigh,
      long dstLow,
      int dstPort) {
    return join(
        endpoint(srcHigh, srcLow, srcPort + 1),
        endpoint(dstHigh, dstLow, dstPort + 1),
        PORTS_SALT * (protocol + 1));
  }

  /** Returns the hash of the addresses alone. */
  static long ofPair(long srcHigh, long srcLow, long dstHigh, long dstLow) {
    return join(endpoint(srcHigh, srcLow, 0), endpoint(dstHigh, dstLow, 0), 0);
  }

  private static long endpoint(long high, long low, int port) {
    return Lanes.mix(Lanes.mix(high + PAIR_SALT) + low + ((long) port << 40));
  }

  private static long join(long a, long b, long salt) {
    return Lanes.mix(Lanes.mix(a + b + salt) + (a ^ b) * PAIR_SALT);
  }
}
