package dev.portcullis.io.port;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.io.pcap.LinkLayer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Clock;

/**
 * Frames that come in by an AF_XDP socket. They have no time stamp of the kernel: all of a batch
 * have the time at which they were taken. Thread: that of its intake.
 */
final class XdpSource implements FrameSource {

  private static final int FRAMES_AT_ONCE = 256;

  private final int tag;
  private final XdpSocket socket;
  private final Clock clock;
  private final MemorySegment statistics;
  private final MemorySegment statisticsLength;
  private final LinkLayer linkLayer = new LinkLayer();
  private int received;
  private int filled = XdpSocket.RECEIVING;
  private volatile long lost;

  /**
   * Reads a socket.
   *
   * @param arena that of the port
   */
  XdpSource(int tag, XdpSocket socket, Clock clock, Arena arena) {
    this.tag = tag;
    this.socket = socket;
    this.clock = clock;
    this.statistics = XdpSocket.statistics(arena);
    this.statisticsLength = arena.allocate(JAVA_INT);
  }

  @Override
  public int descriptor() {
    return socket.fd;
  }

  @Override
  public long lost() {
    return lost;
  }

  @Override
  public boolean fill(PacketBatch batch) {
    int end = socket.received.producer();
    if (end == received) {
      lost = socket.lost(statistics, statisticsLength);
      return true;
    }
    long nowNs = Live.nowNs(clock);
    int used = 0;
    while (received != end && batch.count < FRAMES_AT_ONCE && used < PacketBatch.TARGET_BYTES) {
      long place = socket.received.place(received);
      int length = socket.received.length(received++);
      if (length > EthernetHeader.BYTES) {
        int i = batch.count++;
        Live.row(batch, i, tag, nowNs);
        batch.ensureBytes(used + length);
        MemorySegment.copy(socket.chunks, JAVA_BYTE, place, batch.bytes, used, length);
        Live.frame(batch, i, linkLayer, used, length);
        used += length;
      }
      socket.fill.put(filled++, place & -socket.chunkBytes);
    }
    socket.received.consumer(received);
    socket.fill.producer(filled);
    return true;
  }
}
