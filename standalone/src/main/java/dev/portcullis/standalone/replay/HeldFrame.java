package dev.portcullis.standalone.replay;

import dev.portcullis.core.packet.PacketBatch;
import java.util.Arrays;

/**
 * A frame that the gateway holds while the replay goes on: as it entered, and, when that is known,
 * what became of it. Thread: one.
 */
final class HeldFrame {

  final long number;

  /** Entry of the flow that it is a request of, and of its pair of addresses; -1: none. */
  final int requestEntry, pairEntry;

  /** How much the book had forgotten when those were found. */
  final long bookState;

  /** Whether it is known what became of it. */
  boolean known;

  /** Frame that it was joined into, 0: none. */
  long carrier;

  /** First piece that left, -1: none. */
  int firstPiece = -1;

  private final long timeNs;
  private final int tag;
  private final int flags;
  private final byte[] data;
  private int reason;
  private long vHigh;
  private long vLow;
  private int trafficClass;
  private byte[] trace = new byte[0];

  HeldFrame(PacketBatch entered, int i, int requestEntry, int pairEntry, long bookState) {
    number = entered.number[i];
    timeNs = entered.captureTimeNs[i];
    tag = entered.tag[i];
    flags = entered.flags[i];
    int at = entered.dataOffset[i];
    data = Arrays.copyOfRange(entered.bytes, at, at + entered.dataLength[i]);
    this.requestEntry = requestEntry;
    this.pairEntry = pairEntry;
    this.bookState = bookState;
  }

  /** Takes what became of it. */
  void became(PacketBatch outcome, int r, long joinedTo) {
    known = true;
    carrier = joinedTo;
    reason = outcome.reason[r];
    vHigh = outcome.vHigh[r];
    vLow = outcome.vLow[r];
    trafficClass = outcome.trafficClass[r];
    int at = outcome.traceOffset[r];
    trace = Arrays.copyOfRange(outcome.traceBytes, at, at + outcome.traceLength[r]);
  }

  /** Writes the frame as it entered into row 0. */
  void entered(PacketBatch to) {
    to.clearRow(0);
    to.ensureBytes(data.length);
    System.arraycopy(data, 0, to.bytes, 0, data.length);
    to.number[0] = number;
    to.captureTimeNs[0] = timeNs;
    to.tag[0] = tag;
    to.ingressTag[0] = tag;
    to.flags[0] = flags;
    to.dataLength[0] = data.length;
    to.count = 1;
  }

  /** Writes its outcome into row 0. */
  void outcome(PacketBatch to) {
    to.clearRow(0);
    to.reason[0] = reason;
    to.vHigh[0] = vHigh;
    to.vLow[0] = vLow;
    to.trafficClass[0] = trafficClass;
    to.traceBytes = trace;
    to.traceLength[0] = trace.length;
    to.count = 1;
  }
}
