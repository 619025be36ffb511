package dev.portcullis.io.port;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec.PortSpec;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.core.wire.Prefix;
import dev.portcullis.io.neighbour.Answerable;
import dev.portcullis.io.neighbour.Neighbours;
import dev.portcullis.io.neighbour.NextHops;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The link of a routed Ethernet port: which station a packet goes to, and packets that wait until
 * its MAC address is known. Bounds: {@code packet.neighbours} stations, {@code packet.waiting}
 * packets and {@link #MAX_WAITING_BYTES}; what finds no room is dropped.
 *
 * <p>Thread: the loop of the IO module.
 */
final class Link {

  /** Bytes of packets that wait at the most. */
  static final int MAX_WAITING_BYTES = 1 << 20;

  private static final int CACHE = 1024;
  private static final long TICK_NS = 200_000_000L;

  /** Puts frames out. */
  interface Output {

    /** Gathers a packet to a station. */
    @Nullable DropReason put(PacketBatch batch, int i, long toMac);

    /** Gathers a frame that the gateway itself made. */
    void say(byte[] frame, int length);

    /** Puts out what is gathered. */
    void send();
  }

  private final PortSpec port;
  private final LinkLoop loop;
  private final Output output;
  private final Neighbours neighbours;
  private final int waitingLimit;
  private final PacketBatch waiting = new PacketBatch(4096);
  private final int[] waitingFor;
  private NextHops hops;
  private GatewayConfig config;
  private @Nullable Departures departures;
  private int waitingBytes;
  private boolean ticking;
  private boolean closed;
  private long nowNs = System.nanoTime();

  // the neighbour of the last receivers, by hash; valid while the generation is the same
  private final long[] cachedHigh = new long[CACHE];
  private final long[] cachedLow = new long[CACHE];
  private final int[] cachedNeighbour = new int[CACHE];
  private final int[] cachedGeneration = new int[CACHE];

  /**
   * Makes the link of a port.
   *
   * @param mac MAC address of the port
   * @param capacity the most stations that are known
   * @param waitingLimit the most packets that wait
   */
  Link(
      GatewayConfig config,
      PortSpec port,
      long mac,
      int capacity,
      int waitingLimit,
      LinkLoop loop,
      Output output) {
    this.config = config;
    this.port = port;
    this.loop = loop;
    this.output = output;
    this.hops = new NextHops(config.gateway(), port);
    this.waitingLimit = waitingLimit;
    this.waitingFor = new int[waitingLimit];
    Arrays.fill(cachedGeneration, -1);
    this.neighbours =
        new Neighbours(
            mac,
            port.addresses().stream().map(it -> Objects.requireNonNull(Prefix.parse(it))).toList(),
            capacity,
            new Neighbours.Wire() {
              @Override
              public void say(byte[] frame, int length) {
                output.say(frame, length);
              }

              @Override
              public void resolved(int neighbour) {
                release(neighbour, DropReason.NONE);
              }

              @Override
              public void unreachable(int neighbour) {
                release(neighbour, DropReason.NO_NEIGHBOUR);
              }
            });
  }

  void report(Departures to) {
    departures = to;
  }

  /** Tells the link for whom the port answers. */
  void start() {
    neighbours.answerFor(Answerable.of(config, port));
    output.send();
  }

  void configure(GatewayConfig next) {
    config = next;
    neighbours.answerFor(Answerable.of(next, port));
    output.send();
  }

  /** Time has gone on. */
  void look() {
    nowNs = System.nanoTime();
  }

  /** Looks what the frames of a batch say about neighbours. */
  void heard(PacketBatch batch) {
    look();
    for (int i = 0; i < batch.count; i++) {
      int at = batch.l2Offset[i];
      byte[] bytes = batch.bytes;
      boolean refused = (batch.flags[i] & PacketFlags.REFUSED) != 0;
      if (!refused && PacketHeader.u16(bytes, at + EthernetHeader.TYPE_AT) != EthernetHeader.IPV4) {
        neighbours.heard(bytes, at, batch.l2Length[i] + batch.dataLength[i], nowNs);
      }
    }
    output.send();
  }

  /** Finds the next hop and puts the packet out, or keeps it until its MAC address is known. */
  @Nullable DropReason transmit(PacketBatch batch, int i) {
    int neighbour = neighbour(batch, i);
    if (neighbour < 0) {
      return DropReason.NEIGHBOUR_LIMIT;
    }
    long to = neighbours.mac(neighbour, nowNs);
    if (to != Neighbours.UNKNOWN) {
      return output.put(batch, i, to);
    }
    tickSoon();
    return keep(batch, i, neighbour);
  }

  private int neighbour(PacketBatch batch, int i) {
    byte[] bytes = batch.bytes;
    int at = batch.dataOffset[i];
    int version = bytes[at] >>> 4 & 0xf;
    if (batch.dataLength[i] < (version == 4 ? 20 : 40)) {
      return Neighbours.FULL;
    }
    long high = version == 4 ? 0 : PacketHeader.u64(bytes, at + 24);
    long low = version == 4 ? PacketHeader.u32(bytes, at + 16) : PacketHeader.u64(bytes, at + 32);
    int slot = (int) ((high * 31 + low) * 0x9e3779b97f4a7c15L >>> 54);
    if (cachedGeneration[slot] == neighbours.generation()
        && cachedLow[slot] == low
        && cachedHigh[slot] == high) {
      return cachedNeighbour[slot];
    }
    nowNs = System.nanoTime();
    IpAddress via = hops.find(version, high, low);
    int found =
        via == null
            ? neighbours.of(version, high, low, nowNs)
            : neighbours.of(via.version(), via.high(), via.low(), nowNs);
    if (found >= 0) {
      cachedHigh[slot] = high;
      cachedLow[slot] = low;
      cachedNeighbour[slot] = found;
      cachedGeneration[slot] = neighbours.generation();
    }
    return found;
  }

  private @Nullable DropReason keep(PacketBatch batch, int i, int neighbour) {
    int length = batch.dataLength[i];
    if (waiting.count == waitingLimit || waitingBytes + length > MAX_WAITING_BYTES) {
      return DropReason.NEIGHBOUR_LIMIT;
    }
    int row = waiting.count++;
    waitingFor[row] = neighbour;
    waiting.ensureBytes(waitingBytes + length);
    copyRow(batch, i, row, waitingBytes);
    waitingBytes += length;
    return null;
  }

  private void copyRow(PacketBatch from, int i, int row, int at) {
    System.arraycopy(from.bytes, from.dataOffset[i], waiting.bytes, at, from.dataLength[i]);
    waiting.flags[row] = from.flags[i];
    waiting.reason[row] = from.reason[i];
    waiting.pieces[row] = from.pieces[i];
    waiting.segmentLength[row] = from.segmentLength[i];
    waiting.l2Length[row] = 0;
    waiting.l2Offset[row] = 0;
    waiting.dataOffset[row] = at;
    waiting.dataLength[row] = from.dataLength[i];
  }

  /** Lets go what waits for a neighbour, in order; the rest moves up. */
  private void release(int neighbour, DropReason why) {
    int kept = 0;
    int bytes = 0;
    for (int row = 0; row < waiting.count; row++) {
      if (waitingFor[row] != neighbour) {
        waitingFor[kept] = waitingFor[row];
        copyRow(waiting, row, kept++, bytes);
        bytes += waiting.dataLength[row];
        continue;
      }
      DropReason reason =
          why == DropReason.NONE ? output.put(waiting, row, neighbours.mac(neighbour, nowNs)) : why;
      if (reason != null && departures != null) {
        departures.failed(waiting.frames(row), reason);
      }
    }
    waiting.count = kept;
    waitingBytes = bytes;
  }

  private void tickSoon() {
    if (!ticking && !closed) {
      ticking = true;
      loop.schedule(this::tick, TICK_NS);
    }
  }

  private void tick() {
    ticking = false;
    if (closed) {
      return;
    }
    nowNs = System.nanoTime();
    neighbours.tick(nowNs);
    output.send();
    if (neighbours.isAsking()) {
      tickSoon();
    }
  }

  /** Packets that still wait do not leave. */
  void close() {
    closed = true;
    for (int row = 0; row < waiting.count; row++) {
      if (departures != null) {
        departures.failed(waiting.frames(row), DropReason.SHUTDOWN);
      }
    }
    waiting.count = 0;
  }
}
