package dev.portcullis.io.port;

import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.wire.PacketHeader;
import java.time.Clock;
import java.time.Instant;

/** What live ports have in common. Any thread. */
final class Live {

  private static final long NS_PER_SECOND = 1_000_000_000L;
  private static final long GOLDEN = 0x9e3779b97f4a7c15L;

  private Live() {}

  /** Returns the time in nanoseconds since 1970: once a batch. */
  static long nowNs(Clock clock) {
    Instant now = clock.instant();
    return now.getEpochSecond() * NS_PER_SECOND + now.getNano();
  }

  /** Begins a row of a frame that came in just now. */
  static void row(PacketBatch batch, int i, int tag, long nowNs) {
    batch.clearRow(i);
    batch.tag[i] = tag;
    batch.captureTimeNs[i] = nowNs;
  }

  /** Returns a number below {@code count} that is the same for all packets between two hosts. */
  static int flowOf(PacketBatch batch, int i, int count) {
    byte[] bytes = batch.bytes;
    int at = batch.dataOffset[i];
    int length = batch.dataLength[i];
    long mixed;
    if (length >= 40 && bytes[at] >>> 4 == 6) {
      mixed =
          PacketHeader.u64(bytes, at + 8)
              ^ PacketHeader.u64(bytes, at + 16)
              ^ PacketHeader.u64(bytes, at + 24)
              ^ PacketHeader.u64(bytes, at + 32);
    } else if (length >= 20) {
      mixed = PacketHeader.u32(bytes, at + 12) ^ PacketHeader.u32(bytes, at + 16);
    } else {
      mixed = 0;
    }
    return (int) Long.remainderUnsigned(mixed * GOLDEN >>> 33, count);
  }
}
