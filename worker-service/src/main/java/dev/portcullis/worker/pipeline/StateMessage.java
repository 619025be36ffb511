package dev.portcullis.worker.pipeline;

import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.wire.PacketHeader;
import java.util.Arrays;

/**
 * Messages between shards about state that a new table gives to another worker, as rows of a batch
 * ({@link PacketFlags#MESSAGE}); flows have their own ({@link FlowRecord}). Layout in docs/wire.md.
 * One row, used again. Thread: one shard.
 */
final class StateMessage {

  /** First byte: path records. */
  static final int PATHS = 4;

  /** First byte: translated tuples whose flow does not live where their port does. */
  static final int LENT = 5;

  /** First byte: such flows have ended. */
  static final int GIVEN_BACK = 6;

  /**
   * First byte: all that a shard had to hand over for this table, and to say of tuples, is said.
   */
  static final int DONE = 7;

  /** First byte: a flow has ended whose path is recorded. */
  static final int PATH_ENDED = 8;

  /** First byte: what is known of an FTP control connection, behind the record of its flow. */
  static final int FTP_CONTROL = 9;

  /** First byte: what follows is of the replica of a shard, or that is begun, full or void. */
  static final int REPLICA = 20;

  /** First byte: a guardian has all messages about a replica up to a number. */
  static final int REPLICATED = 21;

  /** First byte: a flow has gone, of a replica. */
  static final int FLOW_GONE = 22;

  /** First byte: a path record has gone, of a replica. */
  static final int PATH_GONE = 23;

  /** Where messages about a table have its number. */
  static final int AT_EPOCH = 4;

  private static final int AT_LANE = 1, AT_COUNT = 2, AT_WORDS = 8;

  /** The most words of a message. */
  static final int MOST_WORDS = 1000;

  private final PacketBatch row = new PacketBatch(AT_WORDS + MOST_WORDS * Long.BYTES);
  private int type;
  private int lane;
  private int words;

  StateMessage() {
    row.count = 1;
  }

  /** Begins a message of a type. */
  StateMessage begin(int type) {
    return begin(type, 0);
  }

  /** Begins a message of a type about a lane of keys. */
  StateMessage begin(int type, int lane) {
    this.type = type;
    this.lane = lane;
    words = 0;
    return this;
  }

  /** Whether as many more words fit. */
  boolean hasRoom(int more) {
    return words + more <= MOST_WORDS;
  }

  boolean isEmpty() {
    return words == 0;
  }

  /** Adds a word. */
  StateMessage add(long word) {
    PacketHeader.put64(row.bytes, AT_WORDS + words++ * Long.BYTES, word);
    return this;
  }

  /** Returns the row. */
  PacketBatch row(int epoch, long nowNs) {
    row.clearRow(0);
    row.flags[0] = PacketFlags.MESSAGE;
    row.captureTimeNs[0] = nowNs;
    row.dataLength[0] = AT_WORDS + words * Long.BYTES;
    Arrays.fill(row.bytes, 0, AT_WORDS, (byte) 0);
    row.bytes[0] = (byte) type;
    row.bytes[AT_LANE] = (byte) lane;
    row.bytes[AT_COUNT] = (byte) (words >>> 8);
    row.bytes[AT_COUNT + 1] = (byte) words;
    PacketHeader.put32(row.bytes, AT_EPOCH, epoch);
    return row;
  }

  /** Returns the row, which waits where that key has not come yet. */
  PacketBatch row(int epoch, long nowNs, FlowKey of) {
    row(epoch, nowNs);
    row.trafficClass[0] = of.trafficClass;
    row.vHigh[0] = of.vHigh;
    row.vLow[0] = of.vLow;
    return row;
  }

  /** Returns the type of a message about a table, 0 where it is none. */
  static int type(PacketBatch batch, int i) {
    int type = batch.dataLength[i] < AT_WORDS ? 0 : batch.bytes[batch.dataOffset[i]];
    if (type == FlowRecord.TYPE) {
      return type;
    }
    boolean whole =
        (type >= PATHS && type <= FTP_CONTROL || type >= REPLICA && type <= PATH_GONE)
            && batch.dataLength[i] == AT_WORDS + 8 * words(batch, i);
    return whole ? type : 0;
  }

  /** Returns a sum over the bytes of a message. */
  static long checksum(PacketBatch batch, int i) {
    int at = batch.dataOffset[i];
    int end = at + batch.dataLength[i];
    long sum = batch.dataLength[i];
    for (; at + Long.BYTES <= end; at += Long.BYTES) {
      sum = Lanes.mix(sum ^ PacketHeader.u64(batch.bytes, at));
    }
    for (; at < end; at++) {
      sum = Lanes.mix(sum ^ batch.bytes[at]);
    }
    return sum;
  }

  /** Number of the table that a message is about. */
  static int epoch(PacketBatch batch, int i) {
    return (int) PacketHeader.u32(batch.bytes, batch.dataOffset[i] + AT_EPOCH);
  }

  /** Lane of the keys that it is about. */
  static int lane(PacketBatch batch, int i) {
    return batch.bytes[batch.dataOffset[i] + AT_LANE] & Lanes.COUNT - 1;
  }

  /** Number of its words. */
  static int words(PacketBatch batch, int i) {
    return PacketHeader.u16(batch.bytes, batch.dataOffset[i] + AT_COUNT);
  }

  /** Returns a word. */
  static long word(PacketBatch batch, int i, int word) {
    return PacketHeader.u64(batch.bytes, batch.dataOffset[i] + AT_WORDS + word * Long.BYTES);
  }
}
