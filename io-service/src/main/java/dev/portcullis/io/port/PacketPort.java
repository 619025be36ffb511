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
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;

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
public final class PacketPort extends EthernetPort {

  private static final int ARPHRD_ETHER = 1;

  private final Opened opened;
  private final VirtioHeader offload = new VirtioHeader();

  /** What the port has of the kernel. */
  private record Opened(
      PacketSockets sockets,
      List<PacketSockets.Ring> rings,
      PacketRing[] sources,
      int sending,
      SilentDevice silent,
      PortMemory memory) {}

  private PacketPort(
      int tag,
      GatewayConfig config,
      Station station,
      Opened opened,
      BatchSender sender,
      boolean offloading,
      LinkLoop loop,
      Clock clock) {
    super(
        tag, config, station, opened.sources, sender, VirtioHeader.BYTES, offloading, loop, clock);
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
                packet.queues(),
                Math.max(port.mtu(), deviceMtu),
                packet.promiscuous(),
                inline ? PacketSockets.Wanted.ANY_MAC : mac));
    int sending;
    try {
      sending = sockets.sending();
    } catch (SystemException e) {
      rings.forEach(sockets::close);
      throw e;
    }
    SilentDevice silent = SilentDevice.of(packet.device(), inline || mac == device.mac());
    PortMemory memory = new PortMemory();
    Arena arena = memory.arena();
    Consumer<String> trouble =
        it ->
            problems.accept(
                "port "
                    + port.name()
                    + ": the interface "
                    + packet.device()
                    + " gives no frames: "
                    + it);
    PacketRing[] sources = new PacketRing[rings.size()];
    for (int i = 0; i < sources.length; i++) {
      sources[i] = new PacketRing(tag, rings.get(i), inline, arena, trouble);
    }
    return new PacketPort(
        tag,
        config,
        new Station(port, inline, mac, packet.neighbours(), packet.waiting()),
        new Opened(sockets, rings, sources, sending, silent, memory),
        new BatchSender(new int[] {sending}, tag, VirtioHeader.BYTES, arena, Departures.NOBODY),
        packet.offload(),
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
    offload.put(batch, i, sender().memory, at, l2);
  }

  @Override
  void ownPrefix(int at) {
    sender().memory.asSlice(at, VirtioHeader.BYTES).fill((byte) 0);
  }

  @Override
  void depart(int frame, int length, int frames, int flags, PacketBatch batch, int i) {
    sender().end(length, frames, flags);
  }

  @Override
  void release(boolean ended) {
    opened.silent.close();
    if (ended) {
      opened.rings.forEach(opened.sockets::close);
      new SystemCalls().close(opened.sending);
      opened.memory.close();
    }
  }
}
