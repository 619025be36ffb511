package dev.portcullis.io.port;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.policy.GatewaySpec.PortSpec;
import dev.portcullis.core.policy.GatewaySpec.TunnelSpec;
import dev.portcullis.core.wire.GeneveHeader;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.io.system.SystemException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Clock;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Driver {@code geneve} with {@code mode: gwlb}: a target of an AWS Gateway Load Balancer. IP
 * packets come in GENEVE, whose options say for which endpoint, attachment and flow; each goes back
 * in the same header to the same address, from and to the same UDP ports.
 *
 * <p>Sender and header of a datagram travel with its packet through the gateway, as a link-layer
 * header ({@link PacketBatch#ENCAPSULATION}): the port knows nothing of flows.
 */
public final class GwlbPort extends GatheringPort {

  /** UDP ports that are kept open, unless the configuration says otherwise. */
  static final int SOURCE_PORTS = 1024;

  private final Opened opened;
  private final BatchSender messages;
  private final SourcePorts ports;
  private final MemorySegment name;
  private final int udpPort;

  /** What the port has of the kernel. */
  private record Opened(
      UdpSockets sockets,
      int[] receiving,
      UdpReceiver[] sources,
      @Nullable HealthAnswer health,
      PortMemory memory) {}

  private GwlbPort(
      int tag, PortSpec port, Opened opened, BatchSender sender, LinkLoop loop, Clock clock) {
    super(tag, port.name(), opened.sources, sender, loop, clock);
    this.messages = sender;
    TunnelSpec tunnel = Objects.requireNonNull(port.geneve());
    this.opened = opened;
    this.udpPort = port.udpPort();
    this.ports = new SourcePorts(udpPort, opened.sockets, sender, capacity(tunnel));
    IpAddress local = Objects.requireNonNull(IpAddress.parse(tunnel.local()));
    this.name = opened.memory.arena().allocate(UdpAddress.bytes(UdpAddress.high(local)), 8);
  }

  private static int capacity(TunnelSpec tunnel) {
    Integer wanted = tunnel.sourcePorts();
    return 1 + (wanted == null ? SOURCE_PORTS : wanted);
  }

  /**
   * Opens the sockets, and answers health checks where the configuration says so.
   *
   * @param port what the configuration says about the port
   * @param ready whether the gateway is ready; any thread
   * @param loop thread of the IO module
   * @param clock gives the capture time
   * @throws SystemException when a port is taken or the address is not there
   */
  public static GwlbPort open(
      int tag, PortSpec port, BooleanSupplier ready, LinkLoop loop, Clock clock) {
    TunnelSpec tunnel = Objects.requireNonNull(port.geneve());
    UdpSockets sockets = new UdpSockets(port, tunnel);
    int[] receiving = sockets.receiving(tunnel.queues());
    Integer healthPort = tunnel.healthPort();
    HealthAnswer health = null;
    if (healthPort != null) {
      try {
        health = HealthAnswer.open(port.name(), tunnel.local(), healthPort, ready);
      } catch (SystemException e) {
        sockets.close(receiving);
        throw e;
      }
    }
    PortMemory memory = new PortMemory();
    Arena arena = memory.arena();
    UdpReceiver[] sources = new UdpReceiver[receiving.length];
    for (int i = 0; i < sources.length; i++) {
      sources[i] =
          new UdpReceiver(tag, receiving[i], port.mtu(), new Packets(tunnel), clock, arena);
    }
    return new GwlbPort(
        tag,
        port,
        new Opened(sockets, receiving, sources, health, memory),
        new BatchSender(
            SourcePorts.closed(receiving[0], capacity(tunnel)),
            tag,
            -UdpReceiver.SENDER_BYTES,
            arena,
            Departures.NOBODY),
        loop,
        clock);
  }

  /** Makes rows of packets. */
  private static final class Packets implements UdpReceiver.Decapsulation {
    private final GeneveHeader header = new GeneveHeader();
    private final @Nullable Integer vni;
    private final boolean anybody;
    private final List<IpAddress> remotes;

    Packets(TunnelSpec tunnel) {
      this.vni = tunnel.vni();
      this.anybody = tunnel.learn();
      this.remotes = TunnelPort.remotes(tunnel);
    }

    @Override
    public DropReason take(PacketBatch batch, int i, int at, int length) {
      byte[] bytes = batch.bytes;
      int sender = at - UdpReceiver.SENDER_BYTES;
      DropReason refused = GenevePort.refused(header.parse(bytes, at, length, GeneveHeader.AWS));
      if (refused != DropReason.NONE) {
        return refused;
      }
      if (vni != null && vni != header.vni) {
        return DropReason.WRONG_VNI;
      }
      int packet = at + header.length;
      int version = length > header.length ? bytes[packet] >>> 4 & 0xf : 0;
      if (version != versionOf(header.protocol)) {
        return DropReason.TUNNEL_PAYLOAD;
      }
      if (!anybody && !isTold(bytes, sender)) {
        return DropReason.UNKNOWN_ENDPOINT;
      }
      batch.linkType[i] = PacketBatch.ENCAPSULATION;
      batch.l2Offset[i] = sender;
      batch.l2Length[i] = UdpReceiver.SENDER_BYTES + header.length;
      batch.dataOffset[i] = packet;
      batch.dataLength[i] = length - header.length;
      return DropReason.NONE;
    }

    /** The IP version that an Ethernet type stands for; -1: none. */
    private static int versionOf(int type) {
      return switch (type) {
        case EthernetHeader.IPV4 -> 4;
        case EthernetHeader.IPV6 -> 6;
        default -> -1;
      };
    }

    private boolean isTold(byte[] bytes, int sender) {
      long high = PacketHeader.u64(bytes, sender);
      long low = PacketHeader.u64(bytes, sender + UdpReceiver.LOW_AT);
      for (int i = 0; i < remotes.size(); i++) {
        IpAddress it = remotes.get(i);
        if (it.low() == low && UdpAddress.high(it) == high) {
          return true;
        }
      }
      return false;
    }
  }

  @Override
  void heard(PacketBatch batch) {}

  @Override
  void started() {}

  @Override
  public @Nullable DropReason transmit(PacketBatch batch, int i) {
    if (isClosed()) {
      return DropReason.PORT_CLOSED;
    }
    int header = batch.l2Length[i] - UdpReceiver.SENDER_BYTES;
    if (batch.linkType[i] != PacketBatch.ENCAPSULATION || header < GeneveHeader.BYTES) {
      return DropReason.NO_ENDPOINT;
    }
    byte[] bytes = batch.bytes;
    int from = batch.l2Offset[i];
    int socket = ports.socket(PacketHeader.u16(bytes, from + UdpReceiver.PORT_AT));
    if (socket == SourcePorts.NONE) {
      return DropReason.NO_ENDPOINT;
    }
    int length = header + batch.dataLength[i];
    int at = messages.begin(length);
    messages.copy(bytes, from + UdpReceiver.SENDER_BYTES, at, header);
    messages.copy(bytes, batch.dataOffset[i], (long) at + header, batch.dataLength[i]);
    UdpAddress.put(
        name,
        0,
        PacketHeader.u64(bytes, from),
        PacketHeader.u64(bytes, from + UdpReceiver.LOW_AT),
        udpPort);
    messages.end(length, batch.frames(i), batch.flags[i], socket, name);
    messages.written(length);
    return null;
  }

  @Override
  void flushed() {}

  @Override
  void closing() {
    if (opened.health != null) {
      opened.health.close();
    }
  }

  @Override
  void release(boolean ended) {
    if (ended) {
      ports.close();
      opened.sockets.close(opened.receiving);
      opened.memory.close();
    }
  }
}
