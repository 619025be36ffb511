package dev.portcullis.worker.stage.ftp;

import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.worker.stage.Vector;
import org.jspecify.annotations.Nullable;

/**
 * Packets of one direction of a control connection, ready to leave, that wait until all shards
 * expect the data connection that the first of them announces. Thread: one shard.
 */
final class FtpHold {

  /** The most packets that wait; each side waits for an answer of the other, so there are few. */
  static final int MAX_ROWS = 16;

  /** A row of a vector as it was before the last stage. */
  private static final class Row {
    final byte[] bytes;
    final int l2Length;
    final int dataLength;
    final int traceLength;
    final long captureTimeNs, number, vHigh, vLow, assignedHigh, assignedLow;
    final int trafficClass, flags, ingressTag, reason, pieces, frameLength, segmentLength;
    final int linkType, assignedClass;
    final int kind, egress, worker, lane, did, rule, state, caused;
    final boolean routed, fromOwnWorker;
    @Nullable Row next;

    Row(Vector v, int i) {
      PacketBatch from = v.batch;
      l2Length = from.l2Length[i];
      dataLength = from.dataLength[i];
      traceLength = from.traceLength[i];
      bytes = new byte[l2Length + dataLength + traceLength];
      System.arraycopy(from.bytes, from.l2Offset[i], bytes, 0, l2Length);
      System.arraycopy(from.bytes, from.dataOffset[i], bytes, l2Length, dataLength);
      System.arraycopy(
          from.traceBytes, from.traceOffset[i], bytes, l2Length + dataLength, traceLength);
      captureTimeNs = from.captureTimeNs[i];
      number = from.number[i];
      vHigh = from.vHigh[i];
      vLow = from.vLow[i];
      trafficClass = from.trafficClass[i];
      flags = from.flags[i];
      ingressTag = from.ingressTag[i];
      reason = from.reason[i];
      pieces = from.pieces[i];
      frameLength = from.frameLength[i];
      segmentLength = from.segmentLength[i];
      linkType = from.linkType[i];
      assignedClass = v.assignedClass[i];
      assignedHigh = v.assignedHigh[i];
      assignedLow = v.assignedLow[i];
      kind = v.kind[i];
      egress = v.egress[i];
      worker = v.worker[i];
      lane = v.lane[i];
      did = v.did[i];
      rule = v.rule[i];
      state = v.state[i];
      caused = v.caused[i];
      routed = v.routed[i];
      fromOwnWorker = v.fromOwnWorker;
    }

    /** Makes it the only row of a vector again. */
    void into(Vector v, PacketBatch batch) {
      batch.clearRow(0);
      batch.bytes = bytes;
      batch.traceBytes = bytes;
      batch.count = 1;
      batch.l2Length[0] = l2Length;
      batch.dataOffset[0] = l2Length;
      batch.dataLength[0] = dataLength;
      batch.traceOffset[0] = l2Length + dataLength;
      batch.traceLength[0] = traceLength;
      batch.captureTimeNs[0] = captureTimeNs;
      batch.number[0] = number;
      batch.vHigh[0] = vHigh;
      batch.vLow[0] = vLow;
      batch.trafficClass[0] = trafficClass;
      batch.flags[0] = flags;
      batch.ingressTag[0] = ingressTag;
      batch.tag[0] = ingressTag;
      batch.reason[0] = reason;
      batch.pieces[0] = pieces;
      batch.frameLength[0] = frameLength;
      batch.segmentLength[0] = segmentLength;
      batch.linkType[0] = linkType;
      v.begin(batch, fromOwnWorker);
      v.assigned(0, assignedClass, assignedHigh, assignedLow);
      v.kind[0] = kind;
      v.egress[0] = egress;
      v.worker[0] = worker;
      v.lane[0] = lane;
      v.did[0] = did;
      v.rule[0] = rule;
      v.state[0] = state;
      v.caused[0] = caused;
      v.routed[0] = routed;
      v.header[0].parse(bytes, l2Length, dataLength);
      v.to = 1;
      v.end = 1;
      v.released(batch.frames(0));
    }
  }

  final FtpControl.Side side;
  final long token;
  final long sinceNs;

  /** Shards that have not answered. */
  int awaited;

  private @Nullable Row first;
  private @Nullable Row last;
  private int rows;

  FtpHold(FtpControl.Side side, long token, int awaited, long sinceNs) {
    this.side = side;
    this.token = token;
    this.awaited = awaited;
    this.sinceNs = sinceNs;
  }

  /** Takes a copy of a row; false when there is no room. */
  boolean add(Vector v, int i) {
    if (rows == MAX_ROWS) {
      return false;
    }
    rows++;
    Row row = new Row(v, i);
    if (last == null) {
      first = row;
    } else {
      last.next = row;
    }
    last = row;
    return true;
  }

  /** Gives the next row back as the only one of a vector; false when there is none. */
  boolean next(Vector v, PacketBatch batch) {
    Row row = first;
    if (row == null) {
      return false;
    }
    first = row.next;
    row.into(v, batch);
    return true;
  }
}
