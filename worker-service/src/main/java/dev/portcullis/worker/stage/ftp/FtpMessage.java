package dev.portcullis.worker.stage.ftp;

import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.worker.flow.Expectations.Expected;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Messages between workers about expected connections, as rows of a batch; layout in docs/wire.md.
 * One row, used again. Thread: one shard.
 */
final class FtpMessage {

  /** First byte: expect a connection, and say so. */
  static final int EXPECT = 1;

  /** First byte: it is expected. */
  static final int EXPECTED = 2;

  private static final int TYPE = 0,
      FLAGS = 1,
      LANE = 2,
      VERSION = 3,
      WORKER = 4,
      ORIGIN_LANE = 8,
      RULE = 12,
      TOKEN = 16,
      PORT = 24,
      TO_PORT = 28,
      SENDER = 32,
      RECEIVER = 48,
      TO = 64,
      FROM = 80,
      LENGTH = 96;
  private static final int RECEIVER_TRANSLATED = 1, SENDER_TRANSLATED = 2;

  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  private final PacketBatch row = new PacketBatch(LENGTH);

  FtpMessage() {
    row.count = 1;
  }

  /** Returns the row that asks a shard to expect a connection. */
  PacketBatch expect(Expected it, long token, ModuleId origin, int originLane, long nowNs) {
    byte[] to = begin(EXPECT, token, nowNs);
    to[FLAGS] =
        (byte)
            ((it.receiver ? RECEIVER_TRANSLATED : 0) | (it.sender ? SENDER_TRANSLATED : 0));
    to[LANE] = (byte) it.lane;
    to[VERSION] = (byte) (it.tuple.ports & 0xff);
    INT.set(to, WORKER, origin.number());
    INT.set(to, ORIGIN_LANE, originLane);
    INT.set(to, RULE, it.rule);
    INT.set(to, PORT, (int) (it.tuple.ports >>> 32) & 0xffff);
    INT.set(to, TO_PORT, it.toPort);
    put(to, SENDER, it.tuple.sourceHigh, it.tuple.sourceLow);
    put(to, RECEIVER, it.tuple.destinationHigh, it.tuple.destinationLow);
    put(to, TO, it.toHigh, it.toLow);
    put(to, FROM, it.fromHigh, it.fromLow);
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
    java.util.Arrays.fill(to, 0, LENGTH, (byte) 0);
    to[TYPE] = (byte) type;
    LONG.set(to, TOKEN, token);
    return to;
  }

  private static void put(byte[] to, int at, long high, long low) {
    LONG.set(to, at, high);
    LONG.set(to, at + 8, low);
  }

  /** Returns the type of a message, 0 where it is none that is understood. */
  static int type(PacketBatch batch, int i) {
    int type = batch.dataLength[i] == LENGTH ? batch.bytes[batch.dataOffset[i] + TYPE] : 0;
    return type == EXPECT || type == EXPECTED ? type : 0;
  }

  static long token(PacketBatch batch, int i) {
    return (long) LONG.get(batch.bytes, batch.dataOffset[i] + TOKEN);
  }

  static int worker(PacketBatch batch, int i) {
    return (int) INT.get(batch.bytes, batch.dataOffset[i] + WORKER) & 0xff_ffff;
  }

  static int originLane(PacketBatch batch, int i) {
    return (int) INT.get(batch.bytes, batch.dataOffset[i] + ORIGIN_LANE) & 0xff;
  }

  /** Reads what is to be expected. */
  static void read(PacketBatch batch, int i, Expected into) {
    byte[] from = batch.bytes;
    int at = batch.dataOffset[i];
    into.of(
        from[at + VERSION],
        (long) LONG.get(from, at + SENDER),
        (long) LONG.get(from, at + SENDER + 8),
        (long) LONG.get(from, at + RECEIVER),
        (long) LONG.get(from, at + RECEIVER + 8),
        (int) INT.get(from, at + PORT) & 0xffff);
    into.receiver = (from[at + FLAGS] & RECEIVER_TRANSLATED) != 0;
    into.sender = (from[at + FLAGS] & SENDER_TRANSLATED) != 0;
    into.lane = from[at + LANE] & 0xf;
    into.rule = (int) INT.get(from, at + RULE);
    into.toPort = (int) INT.get(from, at + TO_PORT) & 0xffff;
    into.toHigh = (long) LONG.get(from, at + TO);
    into.toLow = (long) LONG.get(from, at + TO + 8);
    into.fromHigh = (long) LONG.get(from, at + FROM);
    into.fromLow = (long) LONG.get(from, at + FROM + 8);
  }
}
