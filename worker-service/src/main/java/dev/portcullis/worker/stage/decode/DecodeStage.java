package dev.portcullis.worker.stage.decode;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.policy.GatewaySpec.ExceptionAction;
import dev.portcullis.core.policy.GatewaySpec.Exceptions;
import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.Ipv4Options;
import dev.portcullis.core.wire.Ipv6Extensions;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.Stage;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;

/**
 * Reads the headers; drops, or passes where the configuration says so, what is malformed, has a
 * wrong checksum, impossible addresses, one address on both sides or a source route. What is a
 * fragment after that waits for the others ({@link Vector#FRAGMENT}); one that a snap length cut
 * goes on by itself. What a link says to itself (neighbour discovery) passes an inline pair without
 * a rule; on a routed port it is the gateway's.
 *
 * <p>Checksums are verified on whole packets only: not where the sender left it to the port of exit
 * to compute them, not on fragments (their IP header is), not on what a snap length cut, not where
 * extension headers leave open which addresses are covered, and not on UDP without one. SCTP's is
 * never looked at: its ports are never translated. A malformed packet that passes is treated as a
 * packet without ports; one without readable addresses goes to the inline partner as it is, or is
 * dropped.
 */
public final class DecodeStage implements Stage {

  private final Exceptions exceptions;
  private final Egress egress;
  private final Ownership ownership;
  private final Ipv6Extensions extensions = new Ipv6Extensions();

  /** Makes the stage. */
  public DecodeStage(Exceptions exceptions, Egress egress, Ownership ownership) {
    this.exceptions = exceptions;
    this.egress = egress;
    this.ownership = ownership;
  }

  @Override
  public void process(Vector v) {
    for (int i = v.from; i < v.to; i++) {
      v.current = i;
      if (v.kind[i] == Vector.PARSED) {
        decode(v, i);
      }
    }
  }

  private void decode(Vector v, int i) {
    int flags = v.batch.flags[i];
    if (ownership.table == null) {
      drop(v, i, DropReason.NO_TABLE);
    } else if (!egress.exists(v.batch.ingressTag[i])) {
      drop(v, i, DropReason.UNKNOWN_TAG);
    } else if ((flags & PacketFlags.NON_IP) != 0) {
      boolean unknown = (flags & PacketFlags.UNKNOWN_LINK_TYPE) != 0;
      passAsItIs(
          v,
          i,
          unknown ? exceptions.unknownLinkType() : exceptions.nonIp(),
          unknown ? DropReason.UNKNOWN_LINK_TYPE : DropReason.NON_IP);
    } else {
      PacketHeader h = v.header[i];
      int result = h.parse(v.batch.bytes, v.batch.dataOffset[i], v.batch.dataLength[i]);
      if ((flags & (PacketFlags.RECORD | PacketFlags.REDIRECTED | PacketFlags.RELATED)) != 0) {
        passedOn(v, i, h, flags);
      } else {
        fresh(v, i, h, result);
      }
    }
  }

  private void passedOn(Vector v, int i, PacketHeader h, int flags) {
    if (!h.hasAddresses) {
      drop(v, i, DropReason.MALFORMED);
    } else if ((flags & (PacketFlags.REDIRECTED | PacketFlags.RELATED)) == 0) {
      if (egress.exists(v.batch.tag[i])) {
        if (h.fragment && (flags & PacketFlags.REASSEMBLED) != 0) {
          partOfWhole(h);
          v.caused[i] = v.batch.frameLength[i];
          v.batch.frameLength[i] = 0;
        }
        v.kind[i] = Vector.RECORDED;
        v.egress[i] = v.batch.tag[i];
      } else {
        drop(v, i, DropReason.UNKNOWN_TAG);
      }
    } else {
      assigned(v, i, h);
      if (h.fragment && (flags & PacketFlags.REASSEMBLED) != 0) {
        v.kind[i] = Vector.FRAGMENT;
      }
      putTogetherHere(v, i, h);
    }
  }

  /** The key of a packet that was passed on says nothing of what the IO module assigned. */
  private void assigned(Vector v, int i, PacketHeader h) {
    if ((v.batch.flags[i] & PacketFlags.REPORT) != 0) {
      ownership.table().assign(h, ownership.key);
      v.assigned(i, ownership.key.trafficClass, ownership.key.vHigh, ownership.key.vLow);
    }
  }

  /**
   * The first fragment of a datagram that was inspected whole leads to the path record of the
   * whole: its ports count. They are there, for a fragment has 8 bytes at least.
   */
  private static void partOfWhole(PacketHeader h) {
    if (h.fragmentOffset == 0) {
      h.fragment = false;
      h.hasPorts |= h.protocol == PacketHeader.TCP || h.protocol == PacketHeader.SCTP;
    }
  }

  private void fresh(Vector v, int i, PacketHeader h, int result) {
    if (result != PacketHeader.OK) {
      if (!h.hasAddresses) {
        passAsItIs(v, i, exceptions.malformed(), DropReason.MALFORMED);
      } else if (exceptions.malformed() == ExceptionAction.DROP) {
        drop(v, i, DropReason.MALFORMED);
      }
      return;
    }
    int options = options(v.batch.bytes, h);
    if ((options & Ipv4Options.MALFORMED) != 0 && exceptions.malformed() == ExceptionAction.DROP) {
      drop(v, i, DropReason.MALFORMED);
    } else if (exceptions.martian() == ExceptionAction.DROP && Martians.has(h)) {
      drop(v, i, DropReason.MARTIAN);
    } else if (exceptions.land() == ExceptionAction.DROP && isLand(h)) {
      drop(v, i, DropReason.LAND);
    } else if ((options & Ipv4Options.SOURCE_ROUTE) != 0
        && exceptions.sourceRouted() == ExceptionAction.DROP) {
      drop(v, i, DropReason.SOURCE_ROUTED);
    } else if (exceptions.badChecksum() == ExceptionAction.DROP
        && !h.truncated
        && !isChecksumGood(
            v.batch.bytes, h, (v.batch.flags[i] & PacketFlags.CHECKSUM_MISSING) != 0)) {
      drop(v, i, DropReason.BAD_CHECKSUM);
    } else if (isOfLink(h)) {
      passAsItIs(v, i, ExceptionAction.PASS, DropReason.TO_GATEWAY);
    } else if (h.fragment && !h.truncated) {
      v.kind[i] = Vector.FRAGMENT;
    }
    if ((v.batch.flags[i] & PacketFlags.REASSEMBLED) != 0) {
      reassembled(v, i, h);
    }
  }

  private void reassembled(Vector v, int i, PacketHeader h) {
    if (h.fragment) {
      assigned(v, i, h);
    }
    putTogetherHere(v, i, h);
  }

  /** Passing between shards is no hop: the trace names what this worker did in one. */
  private static void putTogetherHere(Vector v, int i, PacketHeader h) {
    int flags = v.batch.flags[i];
    if ((flags & PacketFlags.REASSEMBLED) != 0
        && !h.fragment
        && v.fromOwnWorker
        && PacketFlags.hops(flags) == 0) {
      v.did[i] |= Vector.DID_FRAGMENT;
    }
  }

  private void passAsItIs(Vector v, int i, ExceptionAction action, DropReason reason) {
    int partner = egress.partner(v.batch.ingressTag[i]);
    if (action == ExceptionAction.PASS && partner >= 0) {
      v.kind[i] = Vector.STATELESS;
      v.egress[i] = partner;
    } else {
      drop(v, i, reason);
    }
  }

  private static void drop(Vector v, int i, DropReason reason) {
    v.drop(i, StageName.DECODE, reason);
  }

  /** Whether sender and receiver are one: RFC 793 knows no such connection. */
  private static boolean isLand(PacketHeader h) {
    return h.sourceLow == h.destinationLow
        && h.sourceHigh == h.destinationHigh
        && (!Tuple.usesPorts(h) || h.sourcePort == h.destinationPort);
  }

  /** Reads options and extension headers: what {@link Ipv4Options#scan} would say. */
  private int options(byte[] bytes, PacketHeader h) {
    if (h.version == 4) {
      return h.transportOffset - h.offset > 20
          ? Ipv4Options.scan(bytes, h.offset + 20, h.transportOffset)
          : 0;
    }
    if (h.transportOffset - h.offset == 40) {
      return 0;
    }
    extensions.parse(bytes, h);
    return extensions.sourceRoute ? Ipv4Options.SOURCE_ROUTE : 0;
  }

  /**
   * What a link says to itself and no rule may stop: multicast listeners, neighbour and router
   * discovery (RFC 4890 section 4.3.3). Such a message has a hop limit that says that no router had
   * it; one that has another is a packet like any other, and so is one with a fragment header,
   * which no receiver takes (RFC 6980 section 5).
   */
  private static boolean isOfLink(PacketHeader h) {
    if (h.protocol != PacketHeader.ICMPV6 || h.fragmentAt >= 0 || h.version != 6) {
      return false;
    }
    return switch (h.icmpType) {
      case 133, 134, 135, 136, 137, 148, 149 -> h.ttl == 255;
      case 130, 131, 132, 143, 151, 152, 153 -> h.ttl == 1;
      default -> false;
    };
  }

  private boolean isChecksumGood(byte[] bytes, PacketHeader h, boolean missing) {
    int networkLength = h.transportOffset - h.offset;
    if (h.version == 4 && Checksum.sum(bytes, h.offset, networkLength, 0) != 0xffff) {
      return false;
    }
    boolean extended = h.version == 6 && networkLength != 40;
    if (missing || h.fragment || extended && !extensions.receiverKnown) {
      return true;
    }
    int length = h.end - h.transportOffset;
    int receiver =
        extended
            ? Checksum.change(
                h.destinationHigh,
                h.destinationLow,
                extensions.receiverHigh,
                extensions.receiverLow)
            : Checksum.NO_CHANGE;
    return switch (h.protocol) {
      case PacketHeader.TCP ->
          Checksum.sum(
                  bytes,
                  h.transportOffset,
                  length,
                  (long) receiver + Checksum.pseudoHeader(h, length))
              == 0xffff;
      case PacketHeader.UDP -> {
        int udpLength = PacketHeader.u16(bytes, h.transportOffset + 4);
        yield PacketHeader.u16(bytes, h.transportOffset + 6) == 0
            || Checksum.sum(
                    bytes,
                    h.transportOffset,
                    udpLength,
                    (long) receiver + Checksum.pseudoHeader(h, udpLength))
                == 0xffff;
      }
      case PacketHeader.ICMP ->
          h.version == 6 || Checksum.sum(bytes, h.transportOffset, length, 0) == 0xffff;
      case PacketHeader.ICMPV6 ->
          h.version == 4
              || Checksum.sum(
                      bytes,
                      h.transportOffset,
                      length,
                      (long) receiver + Checksum.pseudoHeader(h, length))
                  == 0xffff;
      default -> true;
    };
  }
}
