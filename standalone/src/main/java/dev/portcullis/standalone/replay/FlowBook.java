package dev.portcullis.standalone.replay;

import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.wire.PacketHeader;

/**
 * What the replay remembers of flows: which side sent first, and how the gateway translated its
 * request. Flat columns behind an open hash table; {@link #MAX_FLOWS} at the most, then it forgets
 * all and begins anew (counted).
 *
 * <p>A flow is a 5-tuple; the addresses alone for fragments and for what has no ports. Both
 * directions find the same entry. Thread: one.
 */
final class FlowBook {

  /** The most flows that are remembered. */
  static final int MAX_FLOWS = 1 << 19;

  private static final int KEY = 5;

  /** Kinds of keys from here on are wishes, by protocol. */
  private static final long WISH = 1 << 10;

  private static final int TRANSLATED = 5;

  private int[] index = new int[1 << 10];
  private long[] keys = new long[KEY << 8];
  private long[] translated = new long[TRANSLATED << 8];
  private long[] lastSeenNs = new long[1 << 8];
  private int[] roundOf = new int[1 << 8];
  private byte[] flags = new byte[1 << 8];
  private int size;
  private long forgotten;

  private static final int DATAGRAMS = 1 << 12;
  private final long[] datagramKeys = new long[DATAGRAMS];
  private final int[] datagramEntries = new int[DATAGRAMS];

  private static final int CLIENT_IS_HIGHER = 1;
  private static final int CAME_OUT = 2;
  private static final int TRANSLATION = 4;
  private static final int SERVER_IN_ROUND = 8;
  private static final int HIGHER_IN_ROUND = 16;

  // the key of the last look-up, lower endpoint first
  private long aHigh, aLow, bHigh, bLow, rest;
  private boolean sourceIsHigher;

  /** Which keys a look-up uses. */
  enum By {
    /** Addresses, protocol and ports, or echo identifier. */
    TUPLE,
    /** Addresses alone. */
    ADDRESSES
  }

  /**
   * Returns the entry of the packet's flow, a new one where there was none.
   *
   * @return index of the entry; {@code ~index} where it is new
   */
  int find(PacketHeader h, By by) {
    key(h, by);
    return find();
  }

  private int find() {
    int slot = slot();
    if (index[slot] != 0) {
      return index[slot] - 1;
    }
    int entry = add();
    index[slot()] = entry + 1;
    if (sourceIsHigher) {
      flags[entry] = CLIENT_IS_HIGHER;
    }
    return ~entry;
  }

  /** Whether there is an entry of the packet's flow; makes none. */
  boolean knows(PacketHeader h, By by) {
    key(h, by);
    return index[slot()] != 0;
  }

  private void key(PacketHeader h, By by) {
    key(h, by == By.TUPLE, by == By.TUPLE ? h.protocol + 1 : 0);
  }

  private void key(PacketHeader h, boolean ports, long kind) {
    int compare = compare(h, ports);
    sourceIsHigher = compare > 0;
    int sourcePort = ports ? h.sourcePort : 0;
    int destinationPort = ports ? h.destinationPort : 0;
    if (sourceIsHigher) {
      aHigh = h.destinationHigh;
      aLow = h.destinationLow;
      bHigh = h.sourceHigh;
      bLow = h.sourceLow;
      rest = kind << 40 | (long) h.version << 32 | (long) destinationPort << 16 | sourcePort;
    } else {
      aHigh = h.sourceHigh;
      aLow = h.sourceLow;
      bHigh = h.destinationHigh;
      bLow = h.destinationLow;
      rest = kind << 40 | (long) h.version << 32 | (long) sourcePort << 16 | destinationPort;
    }
  }

  /**
   * Whether another flow of the round may wish for the same translated tuple as the packet's: from
   * the same port, or without ports, to the same receiver. Which of them is given it must not be
   * left to threads.
   *
   * @param flow entry of the packet's flow
   */
  boolean isWishedByOther(PacketHeader h, boolean ports, int flow, int round) {
    boolean before = sourceIsHigher;
    long high = h.sourceHigh;
    long low = h.sourceLow;
    h.sourceHigh = 0;
    h.sourceLow = 0;
    key(h, ports, WISH + h.protocol);
    int found = find();
    int wish = found < 0 ? ~found : found;
    h.sourceHigh = high;
    h.sourceLow = low;
    sourceIsHigher = before;
    if (roundOf[wish] == round && lastSeenNs[wish] != flow) {
      return true;
    }
    roundOf[wish] = round;
    lastSeenNs[wish] = flow;
    return false;
  }

  private static int compare(PacketHeader h, boolean ports) {
    int c = Long.compareUnsigned(h.sourceHigh, h.destinationHigh);
    c = c != 0 ? c : Long.compareUnsigned(h.sourceLow, h.destinationLow);
    return c != 0 || !ports ? c : Integer.compare(h.sourcePort, h.destinationPort);
  }

  private int slot() {
    int mask = index.length - 1;
    long hash = Lanes.mix(aHigh * 31 + aLow);
    hash = Lanes.mix(hash + bHigh * 31 + bLow);
    hash = Lanes.mix(hash + rest);
    int slot = (int) hash & mask;
    while (index[slot] != 0 && !matches(index[slot] - 1)) {
      slot = slot + 1 & mask;
    }
    return slot;
  }

  private boolean matches(int entry) {
    int at = entry * KEY;
    return keys[at] == aHigh
        && keys[at + 1] == aLow
        && keys[at + 2] == bHigh
        && keys[at + 3] == bLow
        && keys[at + 4] == rest;
  }

  private int add() {
    if (size == lastSeenNs.length) {
      int capacity = size * 2;
      keys = java.util.Arrays.copyOf(keys, capacity * KEY);
      translated = java.util.Arrays.copyOf(translated, capacity * TRANSLATED);
      lastSeenNs = java.util.Arrays.copyOf(lastSeenNs, capacity);
      roundOf = java.util.Arrays.copyOf(roundOf, capacity);
      flags = java.util.Arrays.copyOf(flags, capacity);
    }
    if (size * 4 > index.length) {
      rehash();
    }
    int entry = size++;
    int at = entry * KEY;
    keys[at] = aHigh;
    keys[at + 1] = aLow;
    keys[at + 2] = bHigh;
    keys[at + 3] = bLow;
    keys[at + 4] = rest;
    lastSeenNs[entry] = 0;
    roundOf[entry] = 0;
    flags[entry] = 0;
    return entry;
  }

  private void rehash() {
    long a = aHigh;
    long b = aLow;
    long c = bHigh;
    long d = bLow;
    long e = rest;
    index = new int[index.length * 2];
    for (int entry = 0; entry < size; entry++) {
      int at = entry * KEY;
      aHigh = keys[at];
      aLow = keys[at + 1];
      bHigh = keys[at + 2];
      bLow = keys[at + 3];
      rest = keys[at + 4];
      index[slot()] = entry + 1;
    }
    aHigh = a;
    aLow = b;
    bHigh = c;
    bLow = d;
    rest = e;
  }

  /**
   * Forgets all flows where {@code more} of them might not fit: entries found before mean nothing
   * afterwards.
   *
   * @return whether it did
   */
  boolean makeRoom(int more) {
    if (size <= MAX_FLOWS - more) {
      return false;
    }
    forgotten += size;
    size = 0;
    java.util.Arrays.fill(index, 0);
    java.util.Arrays.fill(datagramKeys, 0);
    return true;
  }

  /**
   * Remembers the flow that the first fragment of a datagram belongs to, for the others, which have
   * no ports; the last few thousand.
   */
  void firstFragment(PacketHeader h, int entry) {
    long key = datagramKey(h);
    datagramKeys[(int) key & DATAGRAMS - 1] = key;
    datagramEntries[(int) key & DATAGRAMS - 1] = entry;
  }

  /** Returns the flow of a later fragment, -1 where its first one was not seen. */
  int laterFragment(PacketHeader h) {
    long key = datagramKey(h);
    int at = (int) key & DATAGRAMS - 1;
    return datagramKeys[at] == key ? datagramEntries[at] : -1;
  }

  private static long datagramKey(PacketHeader h) {
    long key = Lanes.mix(h.sourceHigh * 31 + h.sourceLow);
    key = Lanes.mix(key + h.destinationHigh * 31 + h.destinationLow);
    return Lanes.mix(key + ((long) h.fragmentId << 8 | h.version)) | 1;
  }

  /** Flows forgotten because there were too many. */
  long forgotten() {
    return forgotten;
  }

  /** Whether the packet of the last look-up comes from the side that sent first. */
  boolean fromClient(int entry) {
    return sourceIsHigher == ((flags[entry] & CLIENT_IS_HIGHER) != 0);
  }

  /** Capture time of the last packet of the flow, 0 before the first. */
  long lastSeenNs(int entry) {
    return lastSeenNs[entry];
  }

  void seen(int entry, long timeNs) {
    lastSeenNs[entry] = timeNs;
  }

  /** Number of the last round that the flow was in, 0: none. */
  int round(int entry) {
    return roundOf[entry];
  }

  /**
   * Whether the packet of the last look-up goes the way of those that were in that round: from the
   * same address, and from the same side.
   */
  boolean sameWayInRound(int entry, boolean server) {
    return ((flags[entry] & SERVER_IN_ROUND) != 0) == server
        && ((flags[entry] & HIGHER_IN_ROUND) != 0) == sourceIsHigher;
  }

  /** The packet of the last look-up joins a round. */
  void round(int entry, int round, boolean server) {
    roundOf[entry] = round;
    int way = (server ? SERVER_IN_ROUND : 0) | (sourceIsHigher ? HIGHER_IN_ROUND : 0);
    flags[entry] = (byte) (flags[entry] & ~(SERVER_IN_ROUND | HIGHER_IN_ROUND) | way);
  }

  /** Whether a request of this flow left the gateway. */
  boolean cameOut(int entry) {
    return (flags[entry] & CAME_OUT) != 0;
  }

  /** A request of the flow left the gateway; {@code h} are its headers as they left. */
  void cameOut(int entry, PacketHeader request, PacketHeader h) {
    flags[entry] |= CAME_OUT;
    boolean same =
        request.sourceHigh == h.sourceHigh
            && request.sourceLow == h.sourceLow
            && request.destinationHigh == h.destinationHigh
            && request.destinationLow == h.destinationLow
            && request.sourcePort == h.sourcePort
            && request.destinationPort == h.destinationPort;
    if (same) {
      flags[entry] &= ~TRANSLATION;
      return;
    }
    flags[entry] |= TRANSLATION;
    int at = entry * TRANSLATED;
    translated[at] = h.sourceHigh;
    translated[at + 1] = h.sourceLow;
    translated[at + 2] = h.destinationHigh;
    translated[at + 3] = h.destinationLow;
    translated[at + 4] = (long) h.sourcePort << 16 | h.destinationPort;
  }

  /**
   * The flow of the last look-up is opened by its server, which was told of an address and port of
   * the client: it is as if the client had sent a request that left from there.
   *
   * @param h the packet of the server
   */
  void announced(int entry, PacketHeader h, long clientHigh, long clientLow, int clientPort) {
    flags[entry] &= ~CLIENT_IS_HIGHER;
    flags[entry] |= CAME_OUT | TRANSLATION | (sourceIsHigher ? 0 : CLIENT_IS_HIGHER);
    int at = entry * TRANSLATED;
    translated[at] = clientHigh;
    translated[at + 1] = clientLow;
    translated[at + 2] = h.sourceHigh;
    translated[at + 3] = h.sourceLow;
    translated[at + 4] = (long) clientPort << 16 | h.sourcePort;
  }

  /** Whether requests of this flow leave with other addresses or ports. */
  boolean isTranslated(int entry) {
    return (flags[entry] & TRANSLATION) != 0;
  }

  /** Column {@code i} of the request's tuple as it left: source, destination (high, low), ports. */
  long translated(int entry, int i) {
    return translated[entry * TRANSLATED + i];
  }
}
