package dev.portcullis.io.port;

import java.util.Arrays;

/**
 * Sockets by the UDP port that they send from, opened when they are needed. Bound: so many; when
 * they are all open, one that was not used since the others were looked at is closed.
 *
 * <p>Thread: the loop of the IO module.
 */
final class SourcePorts {

  /** {@link #socket}: the port cannot be had. */
  static final int NONE = -1;

  /** Number of the socket that also receives: the port of the tunnel is its. */
  private static final int RECEIVING = 0;

  private static final int CLOSED = -1;

  private final UdpSockets sockets;
  private final BatchSender sender;

  /** Number of the socket by UDP port, 0xffff: none. */
  private final char[] byPort = new char[0x10000];

  private static final char NOT_OPEN = 0xffff;
  private final int[] portOf;
  private final boolean[] used;
  private int hand;

  /**
   * Makes the table.
   *
   * @param tunnelPort UDP port of the tunnel
   * @param sender has the sockets; the first is that which receives
   */
  SourcePorts(int tunnelPort, UdpSockets sockets, BatchSender sender, int capacity) {
    this.sockets = sockets;
    this.sender = sender;
    this.portOf = new int[capacity];
    this.used = new boolean[capacity];
    Arrays.fill(byPort, NOT_OPEN);
    Arrays.fill(portOf, CLOSED);
    byPort[tunnelPort] = RECEIVING;
    portOf[RECEIVING] = tunnelPort;
  }

  /** Returns descriptors for so many sockets, of which only the first is open. */
  static int[] closed(int receiving, int capacity) {
    int[] descriptors = new int[capacity];
    Arrays.fill(descriptors, CLOSED);
    descriptors[RECEIVING] = receiving;
    return descriptors;
  }

  /** Returns the number of the socket that sends from a UDP port, or {@link #NONE}. */
  int socket(int port) {
    int i = byPort[port];
    return i == NOT_OPEN ? open(port) : use(i);
  }

  private int use(int i) {
    used[i] = true;
    return i;
  }

  private int open(int port) {
    int i = free();
    if (portOf[i] != CLOSED) {
      byPort[portOf[i]] = NOT_OPEN;
      portOf[i] = CLOSED;
      sockets.close(sender.replace(i, CLOSED));
    }
    int fd = sockets.sending(port);
    if (fd < 0) {
      return NONE;
    }
    sender.replace(i, fd);
    byPort[port] = (char) i;
    portOf[i] = port;
    return use(i);
  }

  /** The next that is closed, or was not used since the hand was there. */
  private int free() {
    while (true) {
      hand = hand + 1 == portOf.length ? RECEIVING + 1 : hand + 1;
      if (!used[hand]) {
        return hand;
      }
      used[hand] = false;
    }
  }

  /** Closes all but the socket that receives. */
  void close() {
    for (int i = RECEIVING + 1; i < portOf.length; i++) {
      if (portOf[i] != CLOSED) {
        sockets.close(sender.replace(i, CLOSED));
      }
    }
  }
}
