package dev.portcullis.core.link;

import java.net.InetAddress;

/**
 * Bounds and times of links.
 *
 * @param windowBytes bytes of a channel that may be sent and not acknowledged
 * @param queueBytes bytes of a channel that may be gathered, queued or unacknowledged; beyond it
 *     {@link Outlet#offer} refuses
 * @param resendNs shortest time without progress after which a channel asks the peer for it; longer
 *     where the peer is slower, up to 16 times
 * @param firstBackOffNs first wait before a stream is opened again; doubles up to {@code
 *     lastBackOffNs}
 * @param lastBackOffNs longest wait before a stream is opened again
 * @param keepAliveNs a peer that has been silent for this long is asked whether it lives
 * @param helloNs a connection over which nobody has said who it is for this long is closed
 * @param names finds the addresses of peers
 */
public record LinkSettings(
    int windowBytes,
    int queueBytes,
    long resendNs,
    long firstBackOffNs,
    long lastBackOffNs,
    long keepAliveNs,
    long helloNs,
    PeerNames names) {

  /** 1 MiB in flight, 4 MiB queued, 100 ms, 50 ms to 5 s, 10 s, 10 s, the names of this host. */
  public static LinkSettings defaults() {
    return new LinkSettings(
        1 << 20,
        4 << 20,
        100_000_000L,
        50_000_000L,
        5_000_000_000L,
        10_000_000_000L,
        10_000_000_000L,
        InetAddress::getByName);
  }

  /** Returns these settings where a peer that says nothing is gone after so long. */
  public LinkSettings withSilence(long ns) {
    return new LinkSettings(
        windowBytes,
        queueBytes,
        resendNs,
        firstBackOffNs,
        lastBackOffNs,
        Math.min(keepAliveNs, ns / 2),
        helloNs,
        names);
  }

  /** Returns these settings with another bound of the queue. */
  public LinkSettings withQueueBytes(int bytes) {
    return new LinkSettings(
        windowBytes, bytes, resendNs, firstBackOffNs, lastBackOffNs, keepAliveNs, helloNs, names);
  }
}
