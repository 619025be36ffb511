package dev.portcullis.io.port;

import dev.portcullis.io.neighbour.AgingTable;

/**
 * Behind which endpoint of a tunnel a station is, as its frames have shown. Bound: so many
 * stations; when they are all there, one that was silent for {@link #SILENT_NS} makes room,
 * otherwise a new one is not learned and counted.
 *
 * <p>Thread: the loop of the IO module.
 */
final class Stations {

  /** {@link #endpoint}: nobody knows. */
  static final int UNKNOWN = -1;

  /** A station that sent nothing for so long may be elsewhere: IEEE 802.1Q section 8.8.3. */
  static final long SILENT_NS = 300_000_000_000L;

  private final AgingTable table;
  private final int[] endpoints;
  private int generation;
  private long unlearned;

  Stations(int capacity) {
    table = new AgingTable(capacity, SILENT_NS);
    endpoints = new int[capacity];
  }

  /** Forgets all when numbers of endpoints mean others than before. */
  void endpointsAre(int generationOfEndpoints) {
    if (generation != generationOfEndpoints) {
      generation = generationOfEndpoints;
      table.clear();
    }
  }

  /** A frame of this station came from this endpoint. */
  void heard(long mac, int endpoint, long nowNs) {
    if (mac == 0 || EthernetHeader.isGroup(mac)) {
      return;
    }
    int i = table.find(0, mac);
    if (i == AgingTable.NONE) {
      i = table.add(0, mac, nowNs);
    }
    if (i < 0) {
      unlearned++;
      return;
    }
    table.used(i, nowNs);
    endpoints[i] = endpoint;
  }

  /** Returns the number of the endpoint that a station is behind, or {@link #UNKNOWN}. */
  int endpoint(long mac, long nowNs) {
    int i = table.find(0, mac);
    return i >= 0 && table.isInUse(i, nowNs) ? endpoints[i] : UNKNOWN;
  }

  /** Frames from stations that there was no room for. */
  long unlearned() {
    return unlearned;
  }
}
