package dev.portcullis.worker.flow;

import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.wire.PacketHeader;

/**
 * What tells flows apart: addresses, protocol and, where they can be used, ports. Mutable and
 * reused; five longs in tables. Thread: one shard.
 */
public final class Tuple {

  public long sourceHigh;
  public long sourceLow;
  public long destinationHigh;
  public long destinationLow;

  /**
   * Source port, destination port (16 bits each), then whether this is an ICMP query without
   * identifier (bit 18), the answer to one (bit 17) and whether there are ports (bit 16), protocol,
   * version.
   */
  public long ports;

  /** Makes a tuple of zeros. */
  public Tuple() {}

  /**
   * Whether a packet is told apart by ports too: not a fragment, and its transport header is whole.
   */
  public static boolean usesPorts(PacketHeader h) {
    return h.hasPorts && !h.fragment;
  }

  private static final long ANSWER = 1 << 17, QUERY = 1 << 18;

  /**
   * An ICMP query and its answer are one another's reply; without an identifier that is used, a
   * query is told apart from other messages too, which are replies to each other. Of a fragment
   * that is not the first nothing can be told, so it is not told of any.
   */
  private static long queryBits(PacketHeader h, boolean turned) {
    if (h.icmpType < 0 || h.fragment) {
      return 0;
    }
    boolean query = h.isQuery();
    if (!query && !h.isAnswer()) {
      return 0;
    }
    return query == turned ? ANSWER : h.hasPorts ? 0 : QUERY;
  }

  /** Takes the tuple of a packet. */
  public void of(PacketHeader h) {
    boolean withPorts = usesPorts(h);
    set(
        h.sourceHigh,
        h.sourceLow,
        h.destinationHigh,
        h.destinationLow,
        ports(h.version, h.protocol, withPorts, h.sourcePort, h.destinationPort)
            | queryBits(h, false));
  }

  /** Takes the tuple of the reply to a packet. */
  public void ofReply(PacketHeader h) {
    boolean withPorts = usesPorts(h);
    set(
        h.destinationHigh,
        h.destinationLow,
        h.sourceHigh,
        h.sourceLow,
        ports(h.version, h.protocol, withPorts, h.destinationPort, h.sourcePort)
            | queryBits(h, true));
  }

  /** Takes the words of another tuple. */
  public void set(Tuple from) {
    set(from.sourceHigh, from.sourceLow, from.destinationHigh, from.destinationLow, from.ports);
  }

  /** Sets all words. */
  public void set(
      long sourceHigh, long sourceLow, long destinationHigh, long destinationLow, long ports) {
    this.sourceHigh = sourceHigh;
    this.sourceLow = sourceLow;
    this.destinationHigh = destinationHigh;
    this.destinationLow = destinationLow;
    this.ports = ports;
  }

  /** Puts together the word {@link #ports}; without ports both are 0. */
  public static long ports(
      int version, int protocol, boolean withPorts, int source, int destination) {
    long word = (long) protocol << 8 | version;
    return withPorts ? word | (long) source << 48 | (long) destination << 32 | 1 << 16 : word;
  }

  /** Source port in the word {@link #ports}. */
  public static int sourcePort(long ports) {
    return (int) (ports >>> 48);
  }

  /** Destination port in the word {@link #ports}. */
  public static int destinationPort(long ports) {
    return (int) (ports >>> 32) & 0xffff;
  }

  /** Protocol in the word {@link #ports}. */
  public static int protocol(long ports) {
    return (int) ports >>> 8 & 0xff;
  }

  /** Whether the word {@link #ports} has ports. */
  public static boolean hasPorts(long ports) {
    return (ports & 1 << 16) != 0;
  }

  /** Returns the hash: another one for the other direction. */
  public long hash() {
    return hash(sourceHigh, sourceLow, destinationHigh, destinationLow, ports);
  }

  static long hash(
      long sourceHigh, long sourceLow, long destinationHigh, long destinationLow, long ports) {
    long h = (sourceHigh ^ Long.rotateLeft(destinationHigh, 29)) * 0x9e3779b97f4a7c15L;
    h = (h ^ sourceLow ^ Long.rotateLeft(destinationLow, 33)) * 0xc2b2ae3d27d4eb4fL;
    return Lanes.mix(h ^ ports);
  }

  boolean equalsWords(long[] words, int at) {
    return words[at + 1] == sourceLow
        && words[at + 3] == destinationLow
        && words[at + 4] == ports
        && words[at] == sourceHigh
        && words[at + 2] == destinationHigh;
  }

  void write(long[] words, int at) {
    words[at] = sourceHigh;
    words[at + 1] = sourceLow;
    words[at + 2] = destinationHigh;
    words[at + 3] = destinationLow;
    words[at + 4] = ports;
  }

  /** Takes the tuple that words of a table have. */
  public void read(long[] words, int at) {
    set(words[at], words[at + 1], words[at + 2], words[at + 3], words[at + 4]);
  }

  static long hashOfWords(long[] words, int at) {
    return hash(words[at], words[at + 1], words[at + 2], words[at + 3], words[at + 4]);
  }
}
