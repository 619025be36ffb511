package dev.portcullis.io.port;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec.PortSpec;
import dev.portcullis.core.policy.GatewaySpec.TunnelSpec;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.io.pcap.LinkLayer;
import dev.portcullis.io.system.SystemException;
import java.lang.foreign.Arena;
import java.time.Clock;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;

/**
 * An Ethernet link inside of UDP datagrams, whose endpoints the port was told or learns. A frame
 * goes to the endpoint that its receiver was heard behind; one to a group, or to a station that
 * nobody knows, goes to every endpoint. The UDP port that it is sent from is chosen by its flow, so
 * that routers on the way can spread flows and keep their order (RFC 7348 section 5, RFC 8926
 * section 3.3).
 *
 * <p>Thread: the loop of the IO module.
 */
final class TunnelPort extends EthernetPort {

  /** UDP ports that a port sends from, unless the configuration says otherwise. */
  static final int SOURCE_PORTS = 16;

  private static final int ETHERNET = 1;
  private static final int UDP_BYTES = 8, IPV4_BYTES = 20, IPV6_BYTES = 40;

  private final Opened opened;
  private final BatchSender messages;
  private final byte[] header;
  private final int sourcePorts;
  private final Endpoints endpoints;
  private final Stations stations;
  private long nowNs = System.nanoTime();

  /** What the port has of the kernel. */
  private record Opened(
      UdpSockets sockets,
      int[] receiving,
      UdpReceiver[] sources,
      int[] sending,
      PortMemory memory) {}

  private TunnelPort(
      int tag,
      GatewayConfig config,
      Station station,
      Opened opened,
      BatchSender sender,
      byte[] header,
      LinkLoop loop,
      Clock clock) {
    super(tag, config, station, opened.sources, sender, header.length, false, loop, clock);
    PortSpec port = station.port();
    TunnelSpec tunnel = Objects.requireNonNull(port.tunnel());
    this.opened = opened;
    this.messages = sender;
    this.header = header;
    this.sourcePorts = opened.sending.length;
    this.endpoints =
        new Endpoints(
            address(tunnel.local()),
            remotes(tunnel),
            tunnel.learn() ? tunnel.endpoints() : 0,
            port.udpPort(),
            opened.memory.arena());
    this.stations = new Stations(tunnel.stations());
  }

  /**
   * Opens the sockets.
   *
   * @param config configuration of the gateway
   * @param port what it says about this port
   * @param inline whether the port is one of an inline pair
   * @param encapsulation makes what reads and writes the header of the tunnel
   * @param loop thread of the IO module
   * @param clock gives the capture time
   * @throws SystemException when the port is taken, an address is not there, or the way to an
   *     endpoint does not take packets of the port's MTU
   */
  static TunnelPort open(
      int tag,
      GatewayConfig config,
      PortSpec port,
      boolean inline,
      Supplier<Encapsulation> encapsulation,
      LinkLoop loop,
      Clock clock) {
    TunnelSpec tunnel = Objects.requireNonNull(port.tunnel());
    UdpSockets sockets = new UdpSockets(port, tunnel);
    byte[] header = encapsulation.get().header();
    checkMtu(sockets, port, tunnel, header.length);
    Integer wanted = tunnel.sourcePorts();
    int[] receiving = sockets.receiving(tunnel.queues());
    int[] sending;
    try {
      sending = sockets.sendingAnywhere(wanted == null ? SOURCE_PORTS : wanted);
    } catch (SystemException e) {
      sockets.close(receiving);
      throw e;
    }
    PortMemory memory = new PortMemory();
    Arena arena = memory.arena();
    long mac = mac(tunnel);
    UdpReceiver[] sources = new UdpReceiver[receiving.length];
    for (int i = 0; i < sources.length; i++) {
      sources[i] =
          new UdpReceiver(
              tag,
              receiving[i],
              port.mtu(),
              new Frames(encapsulation.get(), inline, mac),
              clock,
              arena);
    }
    return new TunnelPort(
        tag,
        config,
        new Station(port, inline, mac, tunnel.neighbours(), tunnel.waiting()),
        new Opened(sockets, receiving, sources, sending, memory),
        new BatchSender(sending, tag, header.length, arena, Departures.NOBODY),
        header,
        loop,
        clock);
  }

  /** A packet of the port's MTU must fit the way to every endpoint that the port was told. */
  private static void checkMtu(
      UdpSockets sockets, PortSpec port, TunnelSpec tunnel, int headerBytes) {
    for (IpAddress it : remotes(tunnel)) {
      int ip = it.version() == 4 ? IPV4_BYTES : IPV6_BYTES;
      int most = sockets.mtu(it) - ip - UDP_BYTES - headerBytes - EthernetHeader.BYTES;
      if (port.mtu() > most) {
        throw new SystemException(
            "port "
                + port.name()
                + ": mtu is "
                + port.mtu()
                + " and the tunnel to "
                + it
                + " takes "
                + most
                + " bytes; allowed is no more than the tunnel takes.");
      }
    }
  }

  private static IpAddress address(String text) {
    return Objects.requireNonNull(IpAddress.parse(text), text);
  }

  static List<IpAddress> remotes(TunnelSpec tunnel) {
    return tunnel.remotes().stream().map(TunnelPort::address).toList();
  }

  /**
   * Returns the address that is given, or a locally administered one (IEEE 802 section 8.4) that
   * another endpoint of the same network does not have.
   */
  private static long mac(TunnelSpec tunnel) {
    String given = tunnel.mac();
    if (given != null) {
      return EthernetHeader.mac(given);
    }
    IpAddress local = address(tunnel.local());
    int vni = Objects.requireNonNull(tunnel.vni());
    long mixed = (local.high() * 31 + local.low()) * 0x9e3779b97f4a7c15L + vni;
    return 0x0200_0000_0000L | mixed * 0x9e3779b97f4a7c15L >>> 24 & 0xff_ffff_ffffL;
  }

  /** Makes rows of frames. */
  private static final class Frames implements UdpReceiver.Decapsulation {
    private final Encapsulation encapsulation;
    private final boolean inline;
    private final long mac;
    private final LinkLayer linkLayer = new LinkLayer();

    Frames(Encapsulation encapsulation, boolean inline, long mac) {
      this.encapsulation = encapsulation;
      this.inline = inline;
      this.mac = mac;
    }

    @Override
    public DropReason take(PacketBatch batch, int i, int at, int length) {
      byte[] bytes = batch.bytes;
      DropReason refused = encapsulation.read(bytes, at, length);
      if (refused != DropReason.NONE) {
        return refused;
      }
      int frame = at + encapsulation.length();
      int rest = length - encapsulation.length();
      if (rest < EthernetHeader.BYTES) {
        return DropReason.TUNNEL_PAYLOAD;
      }
      if (!inline) {
        long to = EthernetHeader.mac(bytes, frame);
        int type = PacketHeader.u16(bytes, frame + EthernetHeader.TYPE_AT);
        if (type == 0x8100 || type == 0x88a8) {
          return DropReason.TUNNEL_PAYLOAD; // RFC 7348 section 6.1
        }
        if (to != mac && !EthernetHeader.isGroup(to)) {
          return DropReason.OTHER_STATION;
        }
      }
      linkLayer.parseEthernet(bytes, frame, rest);
      batch.flags[i] = linkLayer.ip ? 0 : PacketFlags.NON_IP;
      batch.linkType[i] = ETHERNET;
      batch.l2Offset[i] = frame;
      batch.l2Length[i] = linkLayer.ip ? linkLayer.l2Length : rest;
      batch.dataOffset[i] = frame + batch.l2Length[i];
      batch.dataLength[i] = rest - batch.l2Length[i];
      // the sender moves up to the frame; the header of the tunnel has been read
      System.arraycopy(
          bytes,
          at - UdpReceiver.SENDER_BYTES,
          bytes,
          frame - UdpReceiver.SENDER_BYTES,
          UdpReceiver.SENDER_BYTES);
      return DropReason.NONE;
    }
  }

  @Override
  void heard(PacketBatch batch) {
    nowNs = System.nanoTime();
    for (int i = 0; i < batch.count; i++) {
      if ((batch.flags[i] & PacketFlags.REFUSED) == 0) {
        int sender = batch.l2Offset[i] - UdpReceiver.SENDER_BYTES;
        long high = PacketHeader.u64(batch.bytes, sender);
        long low = PacketHeader.u64(batch.bytes, sender + UdpReceiver.LOW_AT);
        int endpoint = endpoints.heard(high, low, nowNs);
        stations.endpointsAre(endpoints.generation());
        if (endpoint >= 0) {
          int from = batch.l2Offset[i] + EthernetHeader.SOURCE_AT;
          stations.heard(EthernetHeader.mac(batch.bytes, from), endpoint, nowNs);
        } else {
          boolean full = endpoint == Endpoints.FULL;
          UdpReceiver.refuse(
              batch, i, full ? DropReason.ENDPOINT_LIMIT : DropReason.UNKNOWN_ENDPOINT);
        }
      }
    }
    super.heard(batch);
  }

  @Override
  void prefix(PacketBatch batch, int i, int at, int l2) {
    ownPrefix(at);
  }

  @Override
  void ownPrefix(int at) {
    messages.copy(header, 0, at, header.length);
  }

  @Override
  void depart(int frame, int length, int frames, int flags, PacketBatch batch, int i) {
    int socket = frames == OWN ? 0 : Live.tupleOf(batch, i, sourcePorts);
    int endpoint = stations.endpoint(EthernetHeader.mac(messages.memory, frame), nowNs);
    if (endpoint >= 0) {
      messages.end(length, frames, flags, socket, endpoints.name(endpoint));
    } else {
      flood(length, frames, flags, socket);
    }
    messages.written(length);
  }

  /** To every endpoint; the first of them stands for the frames of the books. */
  private void flood(int length, int frames, int flags, int socket) {
    int left = frames;
    boolean anybody = false;
    for (int e = 0; e < endpoints.capacity(); e++) {
      if (endpoints.isListening(e, nowNs)) {
        messages.end(length, left, flags, socket, endpoints.name(e));
        left = Math.min(left, 0);
        anybody = true;
      }
    }
    if (!anybody) {
      departures().failed(Math.max(0, frames), DropReason.NO_ENDPOINT);
    }
  }

  @Override
  void flushed() {
    super.flushed();
    departures().unlearned(tag(), stations.unlearned());
  }

  @Override
  void release(boolean ended) {
    if (ended) {
      opened.sockets.close(opened.receiving);
      opened.sockets.close(opened.sending);
      opened.memory.close();
    }
  }
}
