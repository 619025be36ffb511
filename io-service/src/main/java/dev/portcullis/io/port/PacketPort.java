package dev.portcullis.io.port;

import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec.PacketSpec;
import dev.portcullis.core.policy.GatewaySpec.PortSpec;
import dev.portcullis.io.offload.VirtioHeader;
import dev.portcullis.io.system.NetworkDevice;
import dev.portcullis.io.system.SystemCalls;
import dev.portcullis.io.system.SystemException;
import java.lang.foreign.Arena;
import java.time.Clock;
import java.util.ArrayList;
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
 * says nothing to those for groups. With {@code xdp} frames to the port's own address pass the
 * kernel by ({@link XdpPath}), and it sees none of them.
 */
public final class PacketPort extends EthernetPort {

  private static final int ARPHRD_ETHER = 1;

  /** No descriptor. */
  private static final int NONE = -1;

  private final Opened opened;
  private final VirtioHeader offload = new VirtioHeader();

  /** What the port has of the kernel. */
  private record Opened(
      PacketSockets sockets,
      List<PacketSockets.Ring> rings,
      FrameSource[] sources,
      int sending,
      @Nullable XdpPath xdp,
      SilentDevice silent,
      PortMemory memory) {

    /** Bytes in front of a frame that is sent. */
    int prefixBytes() {
      return xdp == null ? VirtioHeader.BYTES : 0;
    }
  }

  private PacketPort(
      int tag,
      GatewayConfig config,
      Station station,
      Opened opened,
      FrameSender sender,
      boolean offloading,
      LinkLoop loop,
      Clock clock) {
    super(
        tag,
        config,
        station,
        opened.sources,
        sender,
        opened.prefixBytes(),
        offloading,
        loop,
        clock);
    this.opened = opened;
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
    PacketSpec packet = Objects.requireNonNull(port.packet());
    NetworkDevice device = new NetworkDevice(port.name(), packet.device());
    int index = device.index();
    if (device.linkType() != ARPHRD_ETHER) {
      throw new SystemException(
          "port " + port.name() + ": the device " + packet.device() + " is no Ethernet interface.");
    }
    int deviceMtu = device.mtu();
    if (!inline && deviceMtu < port.mtu()) {
      throw new SystemException(
          "port "
              + port.name()
              + ": mtu is "
              + port.mtu()
              + " and the device "
              + packet.device()
              + " takes "
              + deviceMtu
              + " bytes; allowed is no more than the device takes.");
    }
    String wanted = packet.mac();
    long mac = wanted == null ? ownMac(device.mac()) : EthernetHeader.mac(wanted);
    PacketSockets sockets = new PacketSockets(port.name(), packet.device(), index);
    List<PacketSockets.Ring> rings =
        sockets.receiving(
            new PacketSockets.Wanted(
                packet.xdp() ? 1 : packet.queues(),
                Math.max(port.mtu(), deviceMtu),
                packet.promiscuous(),
                inline ? PacketSockets.Wanted.ANY_MAC : mac));
    PortMemory memory = new PortMemory();
    Arena arena = memory.arena();
    int sending = NONE;
    XdpPath xdp = null;
    try {
      if (packet.xdp()) {
        xdp =
            XdpPath.open(
                port.name(), packet.device(), index, deviceMtu, mac, packet.queues(), arena);
      } else {
        sending = sockets.sending();
      }
    } catch (SystemException e) {
      rings.forEach(sockets::close);
      memory.close();
      throw e;
    }
    SilentDevice silent = SilentDevice.of(packet.device(), inline || mac == device.mac());
    Consumer<String> trouble =
        it ->
            problems.accept(
                "port "
                    + port.name()
                    + ": the interface "
                    + packet.device()
                    + " gives no frames: "
                    + it);
    List<FrameSource> sources = new ArrayList<>();
    if (xdp != null) {
      sources.addAll(xdp.sources(tag, clock, arena));
    }
    for (PacketSockets.Ring it : rings) {
      sources.add(new PacketRing(tag, it, inline, arena, trouble));
    }
    Opened opened =
        new Opened(
            sockets, rings, sources.toArray(FrameSource[]::new), sending, xdp, silent, memory);
    return new PacketPort(
        tag,
        config,
        new Station(port, inline, mac, packet.neighbours(), packet.waiting()),
        opened,
        xdp != null
            ? xdp.sender(tag)
            : new BatchSender(
                new int[] {sending}, tag, opened.prefixBytes(), arena, Departures.NOBODY),
        packet.offload() && xdp == null,
        loop,
        clock);
  }

  /**
   * Returns a locally administered address of one station that is not that of the device (IEEE 802
   * section 8.4).
   */
  static long ownMac(long ofDevice) {
    return (ofDevice ^ 0x4000_0000_0000L | 0x0200_0000_0000L) & ~0x0100_0000_0000L;
  }

  @Override
  void prefix(PacketBatch batch, int i, int at, int l2) {
    if (opened.xdp == null) {
      offload.put(batch, i, sender().memory, at, l2);
    }
  }

  @Override
  void ownPrefix(int at) {
    sender().memory.asSlice(at, opened.prefixBytes()).fill((byte) 0);
  }

  @Override
  void depart(int frame, int length, int frames, int flags, PacketBatch batch, int i) {
    sender().end(length, frames, flags);
  }

  @Override
  void release(boolean ended) {
    opened.silent.close();
    if (opened.xdp != null) {
      opened.xdp.detach();
    }
    if (ended) {
      opened.rings.forEach(opened.sockets::close);
      if (opened.xdp != null) {
        opened.xdp.close();
      } else {
        new SystemCalls().close(opened.sending);
      }
      opened.memory.close();
    }
  }
}
