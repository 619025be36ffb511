package dev.portcullis.worker.stage.decode;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.policy.GatewaySpec.ExceptionAction;
import dev.portcullis.core.policy.GatewaySpec.Exceptions;
import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.Stage;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;

/**
 * Reads the headers; drops, or passes where the configuration says so, what is malformed, has a
 * wrong checksum or impossible addresses. What is a fragment after that waits for the others
 * ({@link Vector#FRAGMENT}); one that a snap length cut goes on by itself.
 *
 * <p>Checksums are verified on whole packets only: not on fragments (their IP header is), not on
 * what a snap length cut, not behind IPv6 extension headers (a routing header changes the
 * pseudo-header) but for a fragment header alone, and not on UDP without one. A malformed packet
 * that passes is treated as a packet without ports; one without readable addresses goes to the
 * inline partner as it is, or is dropped.
 */
public final class DecodeStage implements Stage {

  private final Exceptions exceptions;
  private final Egress egress;
  private final Ownership ownership;

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
      if ((flags & (PacketFlags.RECORD | PacketFlags.REDIRECTED)) != 0) {
        passedOn(v, i, h, flags);
      } else {
        fresh(v, i, h, result);
      }
    }
  }

  private void passedOn(Vector v, int i, PacketHeader h, int flags) {
    if (!h.hasAddresses) {
      drop(v, i, DropReason.MALFORMED);
    } else if ((flags & PacketFlags.REDIRECTED) == 0) {
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
    } else if (exceptions.martian() == ExceptionAction.DROP && isMartian(h)) {
      drop(v, i, DropReason.MARTIAN);
    } else if (exceptions.badChecksum() == ExceptionAction.DROP
        && !h.truncated
        && !isChecksumGood(v.batch.bytes, h)) {
      drop(v, i, DropReason.BAD_CHECKSUM);
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

  /**
   * Loopback or unspecified on either side; a multicast or broadcast sender: RFC 1812 section
   * 5.3.7, RFC 4291 section 2.5, 2.7.
   */
  static boolean isMartian(PacketHeader h) {
    if (h.version == 4) {
      int sender = (int) (h.sourceLow >>> 24);
      int receiver = (int) (h.destinationLow >>> 24);
      return sender == 0
          || sender == 127
          || sender >= 224 && sender < 240
          || h.sourceLow == 0xffff_ffffL
          || receiver == 0
          || receiver == 127;
    }
    boolean sender =
        h.sourceHigh == 0 && (h.sourceLow == 0 || h.sourceLow == 1) || h.sourceHigh >>> 56 == 0xff;
    return sender || h.destinationHigh == 0 && (h.destinationLow == 0 || h.destinationLow == 1);
  }

  static boolean isChecksumGood(byte[] bytes, PacketHeader h) {
    int networkLength = h.transportOffset - h.offset;
    if (h.version == 4 && Checksum.sum(bytes, h.offset, networkLength, 0) != 0xffff) {
      return false;
    }
    boolean atomic = h.version == 6 && networkLength == 48 && h.fragmentAt == h.offset + 40;
    if (h.fragment || h.version == 6 && networkLength != 40 && !atomic) {
      return true;
    }
    int length = h.end - h.transportOffset;
    return switch (h.protocol) {
      case PacketHeader.TCP ->
          Checksum.sum(bytes, h.transportOffset, length, Checksum.pseudoHeader(h, length))
              == 0xffff;
      case PacketHeader.UDP -> {
        int udpLength = PacketHeader.u16(bytes, h.transportOffset + 4);
        yield PacketHeader.u16(bytes, h.transportOffset + 6) == 0
            || Checksum.sum(
                    bytes, h.transportOffset, udpLength, Checksum.pseudoHeader(h, udpLength))
                == 0xffff;
      }
      case PacketHeader.ICMP ->
          h.version == 6 || Checksum.sum(bytes, h.transportOffset, length, 0) == 0xffff;
      case PacketHeader.ICMPV6 ->
          h.version == 4
              || Checksum.sum(bytes, h.transportOffset, length, Checksum.pseudoHeader(h, length))
                  == 0xffff;
      default -> true;
    };
  }
}
