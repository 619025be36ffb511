package dev.portcullis.io.port;

import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.io.neighbour.AgingTable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The other ends of a tunnel: those that the port was told, and those that it learns from what
 * comes in. Bound: as many as it was told, and so many more; when they are all there, one that was
 * silent for {@link #SILENT_NS} makes room, otherwise a new one is refused.
 *
 * <p>Thread: the loop of the IO module.
 */
final class Endpoints {

  /** {@link #heard}: the endpoint is not known, and none are learned. */
  static final int UNKNOWN = AgingTable.NONE;

  /** {@link #heard}: there is no room for one more. */
  static final int FULL = AgingTable.FULL;

  /** A learned endpoint that said nothing for so long makes room, and gets nothing unasked. */
  static final long SILENT_NS = 300_000_000_000L;

  private final int told;
  private final boolean learning;
  private final int port;
  private final AgingTable table;
  private final MemorySegment[] names;

  /**
   * Makes the table.
   *
   * @param local own address: that of the others is of its family
   * @param remotes endpoints that are told
   * @param learned the most that are learned; 0: none
   * @param port UDP port of all
   * @param arena that of the port
   */
  Endpoints(IpAddress local, List<IpAddress> remotes, int learned, int port, Arena arena) {
    List<IpAddress> distinct = remotes.stream().distinct().toList();
    this.told = distinct.size();
    this.learning = learned > 0;
    this.port = port;
    this.table =
        new AgingTable(told + learned, SILENT_NS) {
          @Override
          protected boolean mayGo(int i) {
            return i >= told;
          }
        };
    this.names = new MemorySegment[told + learned];
    for (int i = 0; i < names.length; i++) {
      names[i] = arena.allocate(UdpAddress.bytes(UdpAddress.high(local)), 8);
    }
    for (IpAddress it : distinct) {
      add(UdpAddress.high(it), it.low(), 0);
    }
  }

  private int add(long high, long low, long nowNs) {
    int i = table.add(high, low, nowNs);
    if (i >= 0) {
      UdpAddress.put(names[i], 0, high, low, port);
    }
    return i;
  }

  /** Returns the number of the endpoint that sent something, {@link #UNKNOWN} or {@link #FULL}. */
  int heard(long high, long low, long nowNs) {
    int i = table.find(high, low);
    if (i >= 0) {
      table.used(i, nowNs);
      return i;
    }
    return learning ? add(high, low, nowNs) : UNKNOWN;
  }

  /** Grows whenever numbers of endpoints may mean others than before. */
  int generation() {
    return table.generation();
  }

  /** The most endpoints: numbers are less. */
  int capacity() {
    return names.length;
  }

  /** Whether an endpoint gets what is for all: one that was told, or spoke lately. */
  boolean isListening(int i, long nowNs) {
    return table.has(i) && (i < told || table.isInUse(i, nowNs));
  }

  /** Address of an endpoint as system calls have it. */
  MemorySegment name(int i) {
    return names[i];
  }
}
