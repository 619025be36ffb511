package dev.portcullis.worker.flow;

import dev.portcullis.core.packet.PacketBatch;
import java.util.Arrays;

/**
 * The frames of a {@link FragmentTable}: columns of a batch and bytes - link-layer header, packet
 * with padding, trace - in chains of blocks. Thread: one shard.
 */
final class FragmentFrames {

  private static final int NUMBER = 0,
      TIME = 1,
      V_HIGH = 2,
      V_LOW = 3,
      FLAGS_AND_TAG = 4,
      LINK_TYPE_AND_CLASS = 5,
      LENGTHS = 6,
      TRACE_LENGTH = 7,
      RANGE = 8,
      PAYLOAD_AT = 9,
      BYTES = 10,
      ARRIVED = 11,
      SORTED = 12,
      WORDS = 13;

  private final BlockStore store = new BlockStore();
  private long[] words = new long[WORDS << 5];
  private int used;
  private int free = -1;

  /** Returns how many blocks a row takes. */
  static int blocks(PacketBatch batch, int i) {
    return BlockStore.blocks(batch.rowBytes(i));
  }

  /** Copies a row and returns the number of the frame. */
  int store(PacketBatch batch, int i) {
    int frame = free;
    if (frame >= 0) {
      free = (int) get(frame, ARRIVED);
    } else {
      frame = used++;
      if (words.length < used * WORDS) {
        words = Arrays.copyOf(words, words.length * 2);
      }
    }
    set(frame, NUMBER, batch.number[i]);
    set(frame, TIME, batch.captureTimeNs[i]);
    set(frame, FLAGS_AND_TAG, pair(batch.flags[i], batch.ingressTag[i]));
    set(frame, LINK_TYPE_AND_CLASS, pair(batch.linkType[i], 0));
    set(frame, LENGTHS, pair(batch.l2Length[i], batch.dataLength[i]));
    set(frame, TRACE_LENGTH, batch.traceLength[i]);
    set(frame, ARRIVED, -1);
    set(frame, SORTED, -1);
    int bytes = store.allocate(blocks(batch, i));
    set(frame, BYTES, bytes);
    int l2 = batch.l2Length[i];
    int data = batch.dataLength[i];
    store.write(bytes, 0, batch.bytes, batch.l2Offset[i], l2);
    store.write(bytes, l2, batch.bytes, batch.dataOffset[i], data);
    store.write(bytes, l2 + data, batch.traceBytes, batch.traceOffset[i], batch.traceLength[i]);
    return frame;
  }

  /** Sets what the IO module assigned the frame by. */
  void assigned(int frame, int trafficClass, long vHigh, long vLow) {
    set(frame, V_HIGH, vHigh);
    set(frame, V_LOW, vLow);
    set(frame, LINK_TYPE_AND_CLASS, pair(high(frame, LINK_TYPE_AND_CLASS), trafficClass));
  }

  /** Copies a frame into a row, behind the bytes of the row before. */
  void load(int frame, PacketBatch to, int row) {
    int at = row == 0 ? 0 : to.traceOffset[row - 1] + to.traceLength[row - 1];
    int l2 = high(frame, LENGTHS);
    int data = low(frame, LENGTHS);
    int trace = (int) get(frame, TRACE_LENGTH);
    to.ensureBytes(at + l2 + data + trace);
    to.traceBytes = to.bytes;
    to.clearRow(row);
    store.read((int) get(frame, BYTES), 0, to.bytes, at, l2 + data + trace);
    to.number[row] = get(frame, NUMBER);
    to.captureTimeNs[row] = get(frame, TIME);
    to.vHigh[row] = get(frame, V_HIGH);
    to.vLow[row] = get(frame, V_LOW);
    to.trafficClass[row] = low(frame, LINK_TYPE_AND_CLASS);
    to.flags[row] = high(frame, FLAGS_AND_TAG);
    to.ingressTag[row] = low(frame, FLAGS_AND_TAG);
    to.tag[row] = to.ingressTag[row];
    to.linkType[row] = high(frame, LINK_TYPE_AND_CLASS);
    to.l2Offset[row] = at;
    to.l2Length[row] = l2;
    to.dataOffset[row] = at + l2;
    to.dataLength[row] = data;
    to.traceOffset[row] = at + l2 + data;
    to.traceLength[row] = trace;
  }

  /** Gives a frame back. */
  void free(int frame) {
    store.free((int) get(frame, BYTES));
    set(frame, ARRIVED, free);
    free = frame;
  }

  void addFlags(int frame, int flags) {
    set(frame, FLAGS_AND_TAG, pair(high(frame, FLAGS_AND_TAG) | flags, low(frame, FLAGS_AND_TAG)));
  }

  /**
   * Sets which bytes of the datagram the frame covers, and where they begin in its packet.
   *
   * @param end behind the last byte
   */
  void range(int frame, int start, int end, int payloadAt) {
    set(frame, RANGE, pair(start, end));
    set(frame, PAYLOAD_AT, payloadAt);
  }

  int start(int frame) {
    return high(frame, RANGE);
  }

  int end(int frame) {
    return low(frame, RANGE);
  }

  int payloadAt(int frame) {
    return (int) get(frame, PAYLOAD_AT);
  }

  /** Copies bytes of the packet. */
  void read(int frame, int from, byte[] to, int at, int length) {
    store.read((int) get(frame, BYTES), high(frame, LENGTHS) + from, to, at, length);
  }

  /** Whether the frame carries the bytes that begin at {@code at}. */
  boolean samePayload(int frame, byte[] bytes, int at) {
    int from = high(frame, LENGTHS) + payloadAt(frame);
    return store.matches((int) get(frame, BYTES), from, bytes, at, end(frame) - start(frame));
  }

  int nextArrived(int frame) {
    return (int) get(frame, ARRIVED);
  }

  void nextArrived(int frame, int next) {
    set(frame, ARRIVED, next);
  }

  int nextSorted(int frame) {
    return (int) get(frame, SORTED);
  }

  void nextSorted(int frame, int next) {
    set(frame, SORTED, next);
  }

  private static long pair(int high, int low) {
    return (long) high << 32 | low & 0xffff_ffffL;
  }

  private int high(int frame, int word) {
    return (int) (get(frame, word) >>> 32);
  }

  private int low(int frame, int word) {
    return (int) get(frame, word);
  }

  private long get(int frame, int word) {
    return words[frame * WORDS + word];
  }

  private void set(int frame, int word, long value) {
    words[frame * WORDS + word] = value;
  }
}
