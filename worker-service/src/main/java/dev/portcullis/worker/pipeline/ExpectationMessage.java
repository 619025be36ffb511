package dev.portcullis.worker.pipeline;

import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.Expectations.Expected;
import dev.portcullis.worker.flow.Tuple;
import java.util.Arrays;

/**
 * Messages between shards about expected connections, as rows of a batch ({@link
 * PacketFlags#MESSAGE}); layout in docs/wire.md. One row, used again. Thread: one shard.
 */
final class ExpectationMessage {

  /** First byte: send me the first packet of this connection, and say that you will. */
  static final int EXPECT = 1;

  /** First byte: I will. */
  static final int EXPECTED = 2;

  private static final int TYPE = 0, VERSION = 1, LANE = 2, TRAFFIC_CLASS = 3;
  private static final int WORKER = 4, SHARD = 8, PORT = 12, TOKEN = 16;
  private static final int V_HIGH = 24, V_LOW = 32, SENDER = 40, RECEIVER = 56, LENGTH = 72;

  private final PacketBatch row = new PacketBatch(LENGTH);

  ExpectationMessage() {
    row.count = 1;
  }

  /** Returns the row that asks a shard to expect a connection. */
  PacketBatch expect(Expected it, long token, int worker, int shard, long nowNs) {
    byte[] to = begin(EXPECT, token, nowNs);
    to[VERSION] = (byte) it.tuple.ports;
    to[LANE] = (byte) it.lane;
    to[TRAFFIC_CLASS] = (byte) it.trafficClass;
    PacketHeader.put32(to, WORKER, worker);
    PacketHeader.put32(to, SHARD, shard);
    PacketHeader.put32(to, PORT, Tuple.destinationPort(it.tuple.ports));
    put(to, V_HIGH, it.vHigh, it.vLow);
    put(to, SENDER, it.tuple.sourceHigh, it.tuple.sourceLow);
    put(to, RECEIVER, it.tuple.destinationHigh, it.tuple.destinationLow);
    return row;
  }

  /** Returns the row that answers it. */
  PacketBatch expected(long token, long nowNs) {
    begin(EXPECTED, token, nowNs);
    return row;
  }

  private byte[] begin(int type, long token, long nowNs) {
    row.clearRow(0);
    row.flags[0] = PacketFlags.MESSAGE;
    row.captureTimeNs[0] = nowNs;
    row.dataLength[0] = LENGTH;
    byte[] to = row.bytes;
    Arrays.fill(to, 0, LENGTH, (byte) 0);
    to[TYPE] = (byte) type;
    PacketHeader.put64(to, TOKEN, token);
    return to;
  }

  private static void put(byte[] to, int at, long high, long low) {
    PacketHeader.put64(to, at, high);
    PacketHeader.put64(to, at + 8, low);
  }

  /** Returns the type of a message, 0 where it is none of these. */
  static int type(PacketBatch batch, int i) {
    int type = batch.dataLength[i] == LENGTH ? batch.bytes[batch.dataOffset[i] + TYPE] : 0;
    return type == EXPECT || type == EXPECTED ? type : 0;
  }

  static long token(PacketBatch batch, int i) {
    return PacketHeader.u64(batch.bytes, batch.dataOffset[i] + TOKEN);
  }

  /** Number of the worker that asks: at least 0. */
  static int worker(PacketBatch batch, int i) {
    return (int) PacketHeader.u32(batch.bytes, batch.dataOffset[i] + WORKER) & 0xffff;
  }

  /** Shard of that worker: 0 to 15. */
  static int shard(PacketBatch batch, int i) {
    return (int) PacketHeader.u32(batch.bytes, batch.dataOffset[i] + SHARD) & 0xf;
  }

  /** Reads what is to be expected, which lives elsewhere. */
  static void read(PacketBatch batch, int i, Expected into) {
    byte[] from = batch.bytes;
    int at = batch.dataOffset[i];
    into.of(
        from[at + VERSION] & 0xff,
        PacketHeader.u64(from, at + SENDER),
        PacketHeader.u64(from, at + SENDER + 8),
        PacketHeader.u64(from, at + RECEIVER),
        PacketHeader.u64(from, at + RECEIVER + 8),
        (int) PacketHeader.u32(from, at + PORT) & 0xffff);
    into.lane = from[at + LANE] & 0xf;
    into.trafficClass = from[at + TRAFFIC_CLASS] & 0xff;
    into.vHigh = PacketHeader.u64(from, at + V_HIGH);
    into.vLow = PacketHeader.u64(from, at + V_LOW);
    into.owner = -1;
    into.receiver = false;
    into.sender = false;
    into.reversed = false;
  }
}
