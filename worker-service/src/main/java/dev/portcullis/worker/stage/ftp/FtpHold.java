package dev.portcullis.worker.stage.ftp;

import dev.portcullis.core.packet.PacketBatch;

/**
 * Packets of one direction of a control connection that wait until all workers expect the data
 * connection that the first of them announces.
 */
final class FtpHold {

  /** The most packets that wait; the client waits for an answer, so there are few. */
  static final int MAX_PACKETS = 16;

  final FtpControl.Side side;
  final long sinceNs;
  final PacketBatch rows = new PacketBatch(4096);
  private int used;
  int awaited;

  FtpHold(FtpControl.Side side, int awaited, long sinceNs) {
    this.side = side;
    this.awaited = awaited;
    this.sinceNs = sinceNs;
  }

  /** Takes a copy of a row; false when there is no room. */
  boolean add(PacketBatch from, int i) {
    if (rows.count == MAX_PACKETS) {
      return false;
    }
    used = rows.append(from, i, used);
    return true;
  }
}
