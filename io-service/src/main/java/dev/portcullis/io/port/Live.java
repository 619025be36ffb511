package dev.portcullis.io.port;

import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.io.pcap.LinkLayer;
import java.time.Clock;
import java.time.Instant;

/** What live ports have in common. Any thread. */
final class Live {

  private static final long NS_PER_SECOND = 1_000_000_000L;
  private static final int ETHERNET = 1;
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

  /**
   * Tells the link-layer header of a frame from its data.
   *
   * @param at where the frame is in the bytes of the batch
   */
  static void frame(PacketBatch batch, int i, LinkLayer linkLayer, int at, int length) {
    linkLayer.parseEthernet(batch.bytes, at, length);
    batch.flags[i] = linkLayer.ip ? 0 : PacketFlags.NON_IP;
    batch.linkType[i] = ETHERNET;
    batch.l2Offset[i] = at;
    batch.l2Length[i] = linkLayer.ip ? linkLayer.l2Length : length;
    batch.dataOffset[i] = at + batch.l2Length[i];
    batch.dataLength[i] = length - batch.l2Length[i];
  }

  /** Returns a number below {@code count} that is the same for all packets between two hosts. */
  static int flowOf(PacketBatch batch, int i, int count) {
    return (int) Long.remainderUnsigned(mixed(hosts(batch, i)), count);
  }

  /**
   * Returns a number below {@code count} that is the same for all packets of a flow: of two hosts
   * and, where the packet has them, two ports. Fragments have none.
   */
  static int tupleOf(PacketBatch batch, int i, int count) {
    byte[] bytes = batch.bytes;
    int at = batch.dataOffset[i];
    int length = batch.dataLength[i];
    boolean v6 = length >= 44 && bytes[at] >>> 4 == 6;
    boolean v4 =
        length >= 24 && bytes[at] == 0x45 && (PacketHeader.u16(bytes, at + 6) & 0x3fff) == 0;
    int protocol = v6 ? bytes[at + 6] : v4 ? bytes[at + 9] : 0;
    long ports = 0;
    if (protocol == PacketHeader.TCP || protocol == PacketHeader.UDP) {
      int transport = at + (v6 ? 40 : 20);
      ports = PacketHeader.u16(bytes, transport) + PacketHeader.u16(bytes, transport + 2);
    }
    return (int) Long.remainderUnsigned(mixed(hosts(batch, i) ^ ports << 40), count);
  }

  private static long mixed(long hosts) {
    return hosts * GOLDEN >>> 33;
  }

  private static long hosts(PacketBatch batch, int i) {
    byte[] bytes = batch.bytes;
    int at = batch.dataOffset[i];
    int length = batch.dataLength[i];
    if (length >= 40 && bytes[at] >>> 4 == 6) {
      return PacketHeader.u64(bytes, at + 8)
          ^ PacketHeader.u64(bytes, at + 16)
          ^ PacketHeader.u64(bytes, at + 24)
          ^ PacketHeader.u64(bytes, at + 32);
    }
    return length >= 20 ? PacketHeader.u32(bytes, at + 12) ^ PacketHeader.u32(bytes, at + 16) : 0;
  }
}
