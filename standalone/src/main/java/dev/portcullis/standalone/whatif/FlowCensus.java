package dev.portcullis.standalone.whatif;

import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.event.FlowId;
import dev.portcullis.core.wire.PacketHeader;
import java.util.Arrays;

/**
 * The flows of captures as columns: the tuple of the packet that came first, and what both
 * directions carried. A flow is what an IO module can tell apart: a 5-tuple; the addresses alone
 * for fragments and for what has no ports. Packets without readable addresses are counted only.
 *
 * <p>Bound: {@link #MAX_FLOWS}; packets of further flows are counted as {@link #untold}. About 70
 * bytes a flow. Thread: one.
 */
final class FlowCensus {

  /** The most flows that are told apart. */
  static final int MAX_FLOWS = 1 << 22;

  private int[] index = new int[1 << 11];
  private int size;

  byte[] version = new byte[1 << 10];
  short[] protocol = new short[1 << 10];
  boolean[] hasPorts = new boolean[1 << 10];
  int[] ports = new int[1 << 10];
  long[] sourceHigh = new long[1 << 10];
  long[] sourceLow = new long[1 << 10];
  long[] destinationHigh = new long[1 << 10];
  long[] destinationLow = new long[1 << 10];
  long[] packets = new long[1 << 10];

  private long total;
  private long unreadable;
  private long untold;

  /** Counts a packet; a header without addresses is one that could not be read. */
  void count(PacketHeader h) {
    total++;
    if (!h.hasAddresses) {
      unreadable++;
      return;
    }
    boolean withPorts = h.hasPorts && !h.fragment;
    int slot = find(h, withPorts);
    if (index[slot] == 0) {
      if (size == MAX_FLOWS) {
        untold++;
        return;
      }
      add(h, withPorts);
      index[slot] = size;
      if (size * 2 > index.length) {
        grow();
      }
    } else {
      packets[index[slot] - 1]++;
    }
  }

  private int find(PacketHeader h, boolean withPorts) {
    int p = withPorts ? h.sourcePort << 16 | h.destinationPort : 0;
    int mask = index.length - 1;
    int slot =
        (int)
                hash(
                    h.sourceHigh,
                    h.sourceLow,
                    h.destinationHigh,
                    h.destinationLow,
                    p,
                    withPorts ? h.protocol : -1)
            & mask;
    while (index[slot] != 0 && !isSame(index[slot] - 1, h, withPorts, p)) {
      slot = slot + 1 & mask;
    }
    return slot;
  }

  private boolean isSame(int flow, PacketHeader h, boolean withPorts, int p) {
    if (hasPorts[flow] != withPorts || withPorts && protocol[flow] != h.protocol) {
      return false;
    }
    boolean forward =
        sourceLow[flow] == h.sourceLow
            && destinationLow[flow] == h.destinationLow
            && sourceHigh[flow] == h.sourceHigh
            && destinationHigh[flow] == h.destinationHigh
            && ports[flow] == p;
    return version[flow] == h.version
        && (forward
            || sourceLow[flow] == h.destinationLow
                && destinationLow[flow] == h.sourceLow
                && sourceHigh[flow] == h.destinationHigh
                && destinationHigh[flow] == h.sourceHigh
                && ports[flow] == Integer.rotateLeft(p, 16));
  }

  /** The same for both directions. */
  private static long hash(
      long sourceHigh,
      long sourceLow,
      long destinationHigh,
      long destinationLow,
      int ports,
      int protocol) {
    long source = Lanes.mix(sourceHigh * 31 + sourceLow + ((long) (ports >>> 16) << 40));
    long destination =
        Lanes.mix(destinationHigh * 31 + destinationLow + ((long) (ports & 0xffff) << 40));
    return Lanes.mix(source + destination + protocol);
  }

  private void add(PacketHeader h, boolean withPorts) {
    if (size == version.length) {
      int capacity = size * 2;
      version = Arrays.copyOf(version, capacity);
      protocol = Arrays.copyOf(protocol, capacity);
      hasPorts = Arrays.copyOf(hasPorts, capacity);
      ports = Arrays.copyOf(ports, capacity);
      sourceHigh = Arrays.copyOf(sourceHigh, capacity);
      sourceLow = Arrays.copyOf(sourceLow, capacity);
      destinationHigh = Arrays.copyOf(destinationHigh, capacity);
      destinationLow = Arrays.copyOf(destinationLow, capacity);
      packets = Arrays.copyOf(packets, capacity);
    }
    int flow = size++;
    version[flow] = (byte) h.version;
    protocol[flow] = (short) h.protocol;
    hasPorts[flow] = withPorts;
    ports[flow] = withPorts ? h.sourcePort << 16 | h.destinationPort : 0;
    sourceHigh[flow] = h.sourceHigh;
    sourceLow[flow] = h.sourceLow;
    destinationHigh[flow] = h.destinationHigh;
    destinationLow[flow] = h.destinationLow;
    packets[flow] = 1;
  }

  private void grow() {
    int[] wider = new int[index.length * 2];
    int mask = wider.length - 1;
    for (int flow = 0; flow < size; flow++) {
      int slot =
          (int)
                  hash(
                      sourceHigh[flow],
                      sourceLow[flow],
                      destinationHigh[flow],
                      destinationLow[flow],
                      ports[flow],
                      hasPorts[flow] ? protocol[flow] : -1)
              & mask;
      while (wider[slot] != 0) {
        slot = slot + 1 & mask;
      }
      wider[slot] = flow + 1;
    }
    index = wider;
  }

  /** Fills a header with the tuple of a flow's first packet, as far as policy and keys need it. */
  void header(int flow, PacketHeader into) {
    into.version = version[flow];
    into.hasAddresses = true;
    into.protocol = protocol[flow];
    into.hasPorts = hasPorts[flow];
    into.fragment = false;
    into.sourceHigh = sourceHigh[flow];
    into.sourceLow = sourceLow[flow];
    into.destinationHigh = destinationHigh[flow];
    into.destinationLow = destinationLow[flow];
    into.sourcePort = ports[flow] >>> 16;
    into.destinationPort = ports[flow] & 0xffff;
    boolean echo =
        into.hasPorts
            && (into.protocol == PacketHeader.ICMP || into.protocol == PacketHeader.ICMPV6);
    into.icmpType = echo ? into.protocol == PacketHeader.ICMP ? 8 : 128 : -1;
    into.icmpCode = echo ? 0 : -1;
  }

  /** The number of a flow in events and lists. */
  long flowId(int flow) {
    return FlowId.of(
        sourceHigh[flow],
        sourceLow[flow],
        destinationHigh[flow],
        destinationLow[flow],
        hasPorts[flow] ? protocol[flow] : 0,
        ports[flow] >>> 16,
        ports[flow] & 0xffff);
  }

  /** Number of flows. */
  int size() {
    return size;
  }

  /** All packets. */
  long packets() {
    return total;
  }

  /** Packets whose addresses could not be read: V = 0. */
  long unreadable() {
    return unreadable;
  }

  /** Packets of flows beyond {@link #MAX_FLOWS}. */
  long untold() {
    return untold;
  }
}
