package dev.portcullis.worker.stage.mtu;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.IpFragments;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.stage.Stage;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;

/**
 * Drops routed packets that are larger than the port that they leave by takes and may not be
 * fragmented: IPv4 with DF set, IPv6 (RFC 8200 section 5). A datagram that came in fragments counts
 * by its largest. What may be fragmented is when it leaves. Lowers the MSS of TCP where a port asks
 * for it. Inline pairs have no MTU.
 */
public final class MtuStage implements Stage {

  private static final int IPV4_AND_TCP = 40, IPV6_AND_TCP = 60;

  private final Egress egress;

  /** Makes the stage. */
  public MtuStage(Egress egress) {
    this.egress = egress;
  }

  @Override
  public void process(Vector v) {
    for (int i = v.from; i < v.to; i++) {
      int kind = v.kind[i];
      if (v.routed[i]
          && (kind == Vector.KNOWN || kind == Vector.OPENING || kind == Vector.STATELESS)) {
        v.current = i;
        PacketHeader h = v.header[i];
        if ((h.tcpFlags & PacketHeader.SYN) != 0 && h.protocol == PacketHeader.TCP) {
          clamp(v, i, h);
        }
        int mtu = egress.mtu(v.egress[i]);
        if (v.batch.longest(i) > mtu || h.truncated) {
          check(v, i, h, mtu);
        }
      }
    }
  }

  private static void check(Vector v, int i, PacketHeader h, int mtu) {
    byte[] bytes = v.batch.bytes;
    boolean v4 = h.version == 4;
    int length =
        v4 ? PacketHeader.u16(bytes, h.offset + 2) : 40 + PacketHeader.u16(bytes, h.offset + 4);
    if ((v.batch.flags[i] & PacketFlags.REASSEMBLED) != 0) {
      length = v.batch.frameLength[i];
    }
    boolean mayBeFragmented = v4 && (PacketHeader.u16(bytes, h.offset + 6) & IpFragments.DONT) == 0;
    if (v.batch.segmentLength[i] > 0) {
      length = v.batch.segmentLength[i];
      if (mayBeFragmented && h.protocol == PacketHeader.TCP) {
        // shorter segments, which nobody has to put together
        v.batch.segmentLength[i] = mtu;
        return;
      }
      mayBeFragmented = false;
    }
    if (length > mtu && !mayBeFragmented) {
      v.mtu[i] = mtu;
      v.drop(i, StageName.MTU, DropReason.MTU_EXCEEDED);
    }
  }

  private void clamp(Vector v, int i, PacketHeader h) {
    int in = v.batch.ingressTag[i];
    int out = v.egress[i];
    if (h.hasPorts && !h.fragment && (egress.clampsMss(in) || egress.clampsMss(out))) {
      int headers = h.version == 4 ? IPV4_AND_TCP : IPV6_AND_TCP;
      MaximumSegment.lower(v.batch.bytes, h, Math.min(egress.mtu(in), egress.mtu(out)) - headers);
    }
  }
}
