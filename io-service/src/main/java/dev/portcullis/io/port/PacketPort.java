package dev.portcullis.io.port;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec.PacketSpec;
import dev.portcullis.core.policy.GatewaySpec.PortSpec;
import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.io.offload.Segmenter;
import dev.portcullis.io.offload.VirtioHeader;
import dev.portcullis.io.system.NetworkDevice;
import dev.portcullis.io.system.SystemCalls;
import dev.portcullis.io.system.SystemException;
import java.lang.foreign.Arena;
import java.time.Clock;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Driver {@code packet}: an Ethernet interface that is read and written by packet sockets.
 *
 * <p>A port of an inline pair is one end of a wire: frames leave with the MAC addresses that they
 * came with. A routed port is a station of its own, with a MAC address that the kernel does not
 * have: so the kernel passes over what is for the gateway, and the port itself finds next hops and
 * answers for the gateway's addresses ({@link Link}).
 *
 * <p>The kernel gets a copy of every frame that comes in; {@link SilentDevice} sees to it that it
 * says nothing to those for groups.
 */
public final class PacketPort implements Port {

  private static final int ARPHRD_ETHER = 1;

  private final int tag;
  private final String name;
  private final int mtu;
  private final boolean offloading;
  private final LinkLoop loop;
  private final Clock clock;
  private final PacketSockets sockets;
  private final List<PacketSockets.Ring> rings;
  private final PacketRing[] sources;
  private final Intake[] intakes;
  private final int sendingFd;
  private final SilentDevice silent;
  private final Arena arena = Arena.ofShared();
  private final PacketSender sender;
  private final @Nullable Link link;
  private final VirtioHeader offload = new VirtioHeader();
  private final Segmenter segmenter = new Segmenter();
  private final PacketHeader header = new PacketHeader();
  private final PacketBatch piece = new PacketBatch(2 * PacketBatch.MAX_PACKET_BYTES);
  private Departures departures = NOWHERE;
  private boolean closed;

  private static final Departures NOWHERE =
      new Departures() {
        @Override
        public void left(int tag, int frames, int flags, int bytes) {}

        @Override
        public void failed(int frames, DropReason reason) {}

        @Override
        public void said(int tag, int bytes) {}

        @Override
        public void overrun(int tag, long frames) {}
      };

  private PacketPort(
      int tag,
      GatewayConfig config,
      PortSpec port,
      boolean inline,
      LinkLoop loop,
      Clock clock,
      Consumer<String> problems) {
    PacketSpec packet = Objects.requireNonNull(port.packet());
    NetworkDevice device = new NetworkDevice(port.name(), packet.device());
    this.tag = tag;
    this.name = port.name();
    this.mtu = port.mtu();
    this.offloading = packet.offload();
    this.loop = loop;
    this.clock = clock;
    int index = device.index();
    if (device.linkType() != ARPHRD_ETHER) {
      throw new SystemException(
          "port " + name + ": the device " + packet.device() + " is no Ethernet interface.");
    }
    int deviceMtu = device.mtu();
    if (!inline && deviceMtu < mtu) {
      throw new SystemException(
          "port "
              + name
              + ": mtu is "
              + mtu
              + " and the device "
              + packet.device()
              + " takes "
              + deviceMtu
              + " bytes; allowed is no more than the device takes.");
    }
    String wanted = packet.mac();
    long mac = wanted == null ? ownMac(device.mac()) : PacketSockets.mac(wanted);
    sockets = new PacketSockets(name, packet.device(), index);
    rings =
        sockets.receiving(
            new PacketSockets.Wanted(
                packet.queues(),
                Math.max(mtu, deviceMtu),
                packet.promiscuous(),
                inline ? PacketSockets.Wanted.ANY_MAC : mac));
    try {
      sendingFd = sockets.sending();
    } catch (SystemException e) {
      rings.forEach(sockets::close);
      throw e;
    }
    silent = SilentDevice.of(packet.device(), inline || mac == device.mac());
    sender = new PacketSender(sendingFd, tag, arena, departures);
    link = inline ? null : new Link(config, port, mac, loop, sender, this::put);
    sources = new PacketRing[rings.size()];
    Consumer<String> trouble =
        it ->
            problems.accept(
                "port " + name + ": the interface " + packet.device() + " gives no frames: " + it);
    intakes = new Intake[rings.size()];
    for (int i = 0; i < sources.length; i++) {
      sources[i] = new PacketRing(tag, rings.get(i), inline, arena, trouble);
    }
  }

  /**
   * Opens the sockets.
   *
   * @param config configuration of the gateway
   * @param port what it says about this port
   * @param inline whether the port is one of an inline pair
   * @param loop thread of the IO module
   * @param clock the one that the kernel stamps frames by
   * @param problems told, in one sentence each, what goes wrong later
   * @throws SystemException when the interface or a privilege is missing
   */
  public static PacketPort open(
      int tag,
      GatewayConfig config,
      PortSpec port,
      boolean inline,
      LinkLoop loop,
      Clock clock,
      Consumer<String> problems) {
    return new PacketPort(tag, config, port, inline, loop, clock, problems);
  }

  /**
   * Returns a locally administered address of one station that is not that of the device (IEEE 802
   * section 8.4).
   */
  static long ownMac(long ofDevice) {
    return (ofDevice ^ 0x4000_0000_0000L | 0x0200_0000_0000L) & ~0x0100_0000_0000L;
  }

  @Override
  public int tag() {
    return tag;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public void report(Departures to) {
    departures = to;
    sender.report(to);
    if (link != null) {
      link.report(to);
    }
  }

  @Override
  public void configure(GatewayConfig config) {
    if (link != null && !closed) {
      link.configure(config);
    }
  }

  @Override
  public void start(FrameSink sink) {
    FrameSink first =
        link == null
            ? sink
            : new FrameSink() {
              @Override
              public void take(PacketBatch batch) {
                link.heard(batch);
                sink.take(batch);
              }

              @Override
              public boolean mayTake() {
                return sink.mayTake();
              }
            };
    for (int i = 0; i < intakes.length && !closed; i++) {
      intakes[i] = new Intake("port-" + name + "-" + i, sources[i], loop, first);
      intakes[i].start();
    }
    if (link != null) {
      link.start();
    }
  }

  @Override
  public @Nullable DropReason transmit(PacketBatch batch, int i) {
    if (closed) {
      return DropReason.PORT_CLOSED;
    }
    if (link == null) {
      // a packet without a link-layer header belongs to no wire
      return batch.l2Length[i] == 0 ? DropReason.NO_NEIGHBOUR : put(batch, i, Link.KEPT);
    }
    if ((batch.flags[i] & PacketFlags.NON_IP) != 0) {
      return DropReason.NON_IP;
    }
    if (batch.longest(i) > mtu) {
      return DropReason.MTU_EXCEEDED;
    }
    return link.transmit(batch, i);
  }

  /**
   * Gathers a frame.
   *
   * @param toMac MAC address of the next hop; {@link Link#KEPT}: the frame has its header
   */
  private @Nullable DropReason put(PacketBatch batch, int i, long toMac) {
    if (offloading) {
      gather(batch, i, toMac, batch.frames(i));
      return null;
    }
    if ((batch.flags[i] & PacketFlags.CHECKSUM_MISSING) == 0) {
      gather(batch, i, toMac, batch.frames(i));
      return null;
    }
    return batch.segmentLength[i] > 0 ? cut(batch, i, toMac) : complete(batch, i, toMac);
  }

  private @Nullable DropReason complete(PacketBatch batch, int i, long toMac) {
    if (header.parse(batch.bytes, batch.dataOffset[i], batch.dataLength[i]) == PacketHeader.OK) {
      Checksum.complete(batch.bytes, header);
    }
    int flags = batch.flags[i];
    batch.flags[i] = flags & ~PacketFlags.CHECKSUM_MISSING;
    gather(batch, i, toMac, batch.frames(i));
    batch.flags[i] = flags;
    return null;
  }

  /** Gathers the pieces of a super-packet; the first of them stands for its frames. */
  private @Nullable DropReason cut(PacketBatch batch, int i, long toMac) {
    if (!segmenter.begin(
        batch.bytes, batch.dataOffset[i], batch.dataLength[i], batch.segmentLength[i])) {
      return DropReason.MALFORMED;
    }
    int l2 = batch.l2Length[i];
    System.arraycopy(batch.bytes, batch.l2Offset[i], piece.bytes, 0, l2);
    int frames = batch.frames(i);
    int length;
    while ((length = segmenter.next(piece.bytes, l2)) > 0) {
      piece.clearRow(0);
      piece.l2Length[0] = l2;
      piece.dataOffset[0] = l2;
      piece.dataLength[0] = length;
      gather(piece, 0, toMac, frames);
      frames = 0;
    }
    return null;
  }

  private void gather(PacketBatch batch, int i, long toMac, int frames) {
    int l2 = toMac == Link.KEPT ? batch.l2Length[i] : Link.HEADER_BYTES;
    int length = VirtioHeader.BYTES + l2 + batch.dataLength[i];
    int at = sender.begin(length);
    offload.put(batch, i, sender.memory, at, l2);
    int frame = at + VirtioHeader.BYTES;
    if (toMac == Link.KEPT) {
      sender.copy(batch.bytes, batch.l2Offset[i], frame, l2);
    } else {
      Objects.requireNonNull(link).header(frame, toMac, batch.bytes[batch.dataOffset[i]]);
    }
    sender.copy(batch.bytes, batch.dataOffset[i], (long) frame + l2, batch.dataLength[i]);
    sender.end(length, frames, batch.flags[i]);
  }

  @Override
  public long nowNs() {
    return Live.nowNs(clock);
  }

  /** Nothing comes: the port never asks about frames. */
  @Override
  public void settled(PacketBatch batch, int i) {}

  @Override
  public void flush() {
    if (!closed) {
      sender.send();
      long lost = 0;
      for (PacketRing it : sources) {
        lost += it.lost();
      }
      departures.overrun(tag, lost);
      if (link != null) {
        link.look();
      }
    }
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    boolean ended = true;
    for (Intake it : intakes) {
      ended &= it == null || it.close();
    }
    if (link != null) {
      link.close();
    }
    sender.send();
    closed = true;
    silent.close();
    if (ended) {
      rings.forEach(sockets::close);
      new SystemCalls().close(sendingFd);
      arena.close();
    }
  }
}
