package dev.portcullis.io.port;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec.PortSpec;
import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.io.offload.Segmenter;
import java.time.Clock;
import org.jspecify.annotations.Nullable;

/**
 * A port on an Ethernet link, whatever carries its frames. A port of an inline pair is one end of a
 * wire: frames leave with the MAC addresses that they came with. A routed port is a station of its
 * own, which finds next hops and answers for the gateway's addresses ({@link Link}).
 */
abstract class EthernetPort extends GatheringPort implements Link.Output {

  /** The frame keeps the header that it has. */
  static final long KEPT = -1;

  /** {@link #depart}: the port itself made the frame. */
  static final int OWN = -1;

  private final int mtu;
  private final boolean offloading;
  private final long mac;
  private final FrameSender sender;
  private final int prefixBytes;
  private final @Nullable Link link;
  private final Segmenter segmenter = new Segmenter();
  private final PacketHeader header = new PacketHeader();
  private final PacketBatch piece = new PacketBatch(2 * PacketBatch.MAX_PACKET_BYTES);

  /** What is the same for every frame of a port. */
  record Station(PortSpec port, boolean inline, long mac, int neighbours, int waiting) {}

  /**
   * Makes the port.
   *
   * @param sources where its frames come from, a thread each
   * @param sender gathers its frames
   * @param prefixBytes bytes in front of each frame that is sent
   * @param offloading whether super-packets and packets without checksum can be sent as they are
   */
  EthernetPort(
      int tag,
      GatewayConfig config,
      Station station,
      FrameSource[] sources,
      FrameSender sender,
      int prefixBytes,
      boolean offloading,
      LinkLoop loop,
      Clock clock) {
    super(tag, station.port().name(), sources, sender, loop, clock);
    PortSpec port = station.port();
    this.mtu = port.mtu();
    this.mac = station.mac();
    this.offloading = offloading;
    this.sender = sender;
    this.prefixBytes = prefixBytes;
    this.link =
        station.inline()
            ? null
            : new Link(config, port, mac, station.neighbours(), station.waiting(), loop, this);
  }

  @Override
  public final void report(Departures to) {
    super.report(to);
    if (link != null) {
      link.report(to);
    }
  }

  @Override
  public final void configure(GatewayConfig config) {
    if (link != null && !isClosed()) {
      link.configure(config);
    }
  }

  @Override
  void heard(PacketBatch batch) {
    if (link != null) {
      link.heard(batch);
    }
  }

  @Override
  final void started() {
    if (link != null) {
      link.start();
    }
  }

  @Override
  public final @Nullable DropReason transmit(PacketBatch batch, int i) {
    if (isClosed()) {
      return DropReason.PORT_CLOSED;
    }
    if (link == null) {
      // a packet without a link-layer header belongs to no wire
      return batch.l2Length[i] < EthernetHeader.BYTES
          ? DropReason.NO_NEIGHBOUR
          : put(batch, i, KEPT);
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
   * Gathers a frame, ready for a wire where the port takes no other.
   *
   * @param toMac MAC address of the next hop; {@link #KEPT}: the frame has its header
   */
  @Override
  public final @Nullable DropReason put(PacketBatch batch, int i, long toMac) {
    if (offloading || (batch.flags[i] & PacketFlags.CHECKSUM_MISSING) == 0) {
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
    int l2 = toMac == KEPT ? batch.l2Length[i] : EthernetHeader.BYTES;
    int length = prefixBytes + l2 + batch.dataLength[i];
    int at = sender.begin(length);
    prefix(batch, i, at, l2);
    int frame = at + prefixBytes;
    if (toMac == KEPT) {
      sender.copy(batch.bytes, batch.l2Offset[i], frame, l2);
    } else {
      EthernetHeader.put(sender.memory, frame, toMac, mac, batch.bytes[batch.dataOffset[i]]);
    }
    sender.copy(batch.bytes, batch.dataOffset[i], (long) frame + l2, batch.dataLength[i]);
    depart(frame, length, frames, batch.flags[i], batch, i);
  }

  @Override
  public final void say(byte[] frame, int length) {
    int at = sender.begin(prefixBytes + length);
    ownPrefix(at);
    sender.copy(frame, 0, (long) at + prefixBytes, length);
    piece.clearRow(0);
    depart(at + prefixBytes, prefixBytes + length, OWN, 0, piece, 0);
  }

  @Override
  public final void send() {
    sender.send();
  }

  /**
   * Writes what stands in front of a frame that is sent.
   *
   * @param batch with the packet in row {@code i}
   * @param at where it goes
   * @param l2 bytes of the link-layer header
   */
  abstract void prefix(PacketBatch batch, int i, int at, int l2);

  /** Writes what stands in front of a frame that the port itself made. */
  abstract void ownPrefix(int at);

  /**
   * A frame is written.
   *
   * @param frame where it begins
   * @param length its length, with what stands in front of it
   * @param frames frames of the books that it stands for; {@link #OWN}: none
   * @param batch with the packet in row {@code i}, of length 0 where the port itself made it
   */
  abstract void depart(int frame, int length, int frames, int flags, PacketBatch batch, int i);

  @Override
  void flushed() {
    if (link != null) {
      link.look();
    }
  }

  @Override
  final void closing() {
    if (link != null) {
      link.close();
    }
  }
}
