package dev.portcullis.worker.stage.answer;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.policy.OwnAddresses;
import dev.portcullis.worker.stage.Stage;
import dev.portcullis.worker.stage.Vector;

/**
 * Says to senders why their packet went no further, and answers echo requests to the gateway. An
 * answer leaves by the port that the packet came in by, and quotes or fits the packet as it came
 * in: translation is taken back.
 *
 * <ul>
 *   <li>TTL used up: ICMP 11/0, ICMPv6 3/0. A fragment that waited too long: code 1.
 *   <li>No route: 3/0, 1/0 (RFC 1812 section 4.3.3.1, RFC 4443 section 3.1).
 *   <li>Larger than the MTU: 3/4 with it (RFC 1191 section 4), ICMPv6 2.
 *   <li>Rejected by a rule: TCP gets a reset (RFC 9293 section 3.5.2), all else 3/13 (RFC 1812
 *       section 5.2.7.1), 1/1.
 *   <li>For the gateway itself: an echo reply. Anything else is refused, as by a host where nothing
 *       listens (reset; port unreachable), only where the policy's default is not to drop.
 * </ul>
 *
 * <p>Errors come from the gateway's own address at the port; a port without one sends none. On an
 * inline pair, which has no addresses, only {@code reject} answers, in the name of the receiver, as
 * a Linux bridge does. Never answered is what {@link Recipients} lists.
 *
 * <p>Thread: one shard.
 */
public final class AnswerStage implements Stage {

  private static final int NOTHING = 0,
      TIME = 1,
      REASSEMBLY = 2,
      ROUTE = 3,
      SIZE = 4,
      REJECT = 5,
      GATEWAY = 6,
      EXHAUSTED = 7;

  private static final int ETHERNET = 1;

  private final OwnAddresses own;
  private final Egress egress;
  private final FlowTable flows;
  private final boolean refusing;
  private final ErrorBudget budget;
  private final Recipients recipients;
  private final AnswerWriter writer = new AnswerWriter();
  private final Tuple received = new Tuple();
  private final int[] answerTo = new int[DropReason.idLimit()];
  private long suppressed;

  /**
   * Makes the stage.
   *
   * @param refusing whether the gateway refuses what it has no use for, instead of keeping silent
   * @param limits ICMP errors and resets that the worker makes, and whether it makes them of what
   *     cannot be translated
   */
  public AnswerStage(
      OwnAddresses own,
      Egress egress,
      FlowTable flows,
      boolean refusing,
      GatewaySpec.Limits limits) {
    this.own = own;
    this.egress = egress;
    this.flows = flows;
    this.refusing = refusing;
    this.budget = new ErrorBudget(limits.icmpErrorsPerSecond(), own.ports());
    this.recipients = new Recipients(own);
    answerTo[DropReason.TTL_EXPIRED.id()] = TIME;
    answerTo[DropReason.FRAGMENT_TIMEOUT.id()] = REASSEMBLY;
    answerTo[DropReason.NO_ROUTE.id()] = ROUTE;
    answerTo[DropReason.MTU_EXCEEDED.id()] = SIZE;
    answerTo[DropReason.REJECTED.id()] = REJECT;
    answerTo[DropReason.TO_GATEWAY.id()] = GATEWAY;
    if (limits.natExhausted() == GatewaySpec.NatExhausted.ICMP_ERROR) {
      answerTo[DropReason.NAT_EXHAUSTED.id()] = EXHAUSTED;
    }
  }

  /**
   * Errors and resets that were not made because there were too many. May be read by any thread.
   */
  public long suppressed() {
    return suppressed;
  }

  @Override
  public void process(Vector v) {
    for (int i = v.from; i < v.to; i++) {
      if (v.kind[i] == Vector.DROPPED && answerTo[v.reason[i]] != NOTHING) {
        v.current = i;
        answer(v, i, answerTo[v.reason[i]]);
      }
    }
  }

  private void answer(Vector v, int i, int why) {
    PacketHeader h = v.header[i];
    if (v.batch.frames(i) == 0 || !Recipients.isNoError(h)) {
      return;
    }
    if (why == EXHAUSTED && (v.kindBefore[i] != Vector.OPENING || !hasPort(h))) {
      // without ports another worker may decide, where the packet no longer says who has sent it
      return;
    }
    received(v, i);
    if (!recipients.isOneHostToOneHost(h.version, received, why == SIZE && h.version == 6)) {
      return;
    }
    boolean inline = egress.partner(v.batch.ingressTag[i]) >= 0;
    if (why == GATEWAY) {
      forGateway(v, i);
    } else if (!inline) {
      refuse(v, i, why, 0);
    } else if (why == REJECT) {
      int l2Length = linkLayer(v.batch, i);
      if (l2Length >= 0) {
        refuse(v, i, why, l2Length);
      }
    }
  }

  private static boolean hasPort(PacketHeader h) {
    return Tuple.usesPorts(h)
        && (h.protocol == PacketHeader.TCP || h.protocol == PacketHeader.UDP || h.isEcho());
  }

  private void forGateway(Vector v, int i) {
    PacketHeader h = v.header[i];
    if (!own.isOwn(h.version, h.destinationHigh, h.destinationLow)) {
      return;
    }
    boolean request = h.isEcho() && (h.icmpType == 8 || h.icmpType == 128);
    if (request && h.hasPorts && !h.fragment && !h.truncated) {
      writer.echoReply(v, i, received, egress.mtu(v.batch.ingressTag[i]));
    } else if (refusing && (h.protocol == PacketHeader.TCP || h.protocol == PacketHeader.UDP)) {
      refuse(v, i, GATEWAY, 0);
    }
  }

  /** Sends a reset to TCP that is not wanted, an error to all else. */
  private void refuse(Vector v, int i, int why, int l2Length) {
    PacketHeader h = v.header[i];
    if (h.protocol == PacketHeader.TCP && (why == REJECT || why == GATEWAY)) {
      boolean resettable = Tuple.usesPorts(h) && (h.tcpFlags & PacketHeader.RST) == 0;
      if (resettable && mayAnswer(v, i)) {
        writer.reset(v, i, received, l2Length);
      }
      return;
    }
    int tag = v.batch.ingressTag[i];
    boolean asReceiver = egress.partner(tag) >= 0;
    IpAddress speaker =
        asReceiver ? null : own.speakingTo(tag, h.version, received.sourceHigh, received.sourceLow);
    if (!asReceiver && speaker == null || !mayAnswer(v, i)) {
      return;
    }
    int message = h.version == 4 ? messageV4(why) : messageV6(why);
    writer.error(
        v,
        i,
        received,
        speaker == null ? received.destinationHigh : speaker.high(),
        speaker == null ? received.destinationLow : speaker.low(),
        message >>> 8,
        message & 0xff,
        why == SIZE ? v.mtu[i] : 0,
        l2Length);
  }

  /** Type and code, a byte each: RFC 792, RFC 1812 section 5.2.7.1. */
  private static int messageV4(int why) {
    return switch (why) {
      case TIME -> 11 << 8;
      case REASSEMBLY -> 11 << 8 | 1;
      case ROUTE -> 3 << 8;
      case SIZE -> 3 << 8 | 4;
      case GATEWAY -> 3 << 8 | 3;
      default -> 3 << 8 | 13;
    };
  }

  /** Type and code, a byte each: RFC 4443 section 3. */
  private static int messageV6(int why) {
    return switch (why) {
      case TIME -> 3 << 8;
      case REASSEMBLY -> 3 << 8 | 1;
      case ROUTE -> 1 << 8;
      case SIZE -> 2 << 8;
      case GATEWAY -> 1 << 8 | 4;
      default -> 1 << 8 | 1;
    };
  }

  private boolean mayAnswer(Vector v, int i) {
    boolean known = v.kindBefore[i] == Vector.KNOWN;
    int lane =
        known ? flows.lane(v.flow[i] >>> 1) : Lanes.laneOf(v.batch.vHigh[i], v.batch.vLow[i]);
    if (budget.take(lane, v.batch.ingressTag[i], v.batch.captureTimeNs[i])) {
      return true;
    }
    suppressed++;
    return false;
  }

  /** Finds the tuple with which the packet came in. */
  private void received(Vector v, int i) {
    if ((v.did[i] & (Vector.DID_DNAT | Vector.DID_SNAT)) == 0) {
      received.of(v.header[i]);
    } else if (v.kindBefore[i] == Vector.KNOWN) {
      int flow = v.flow[i] >>> 1;
      int tuple = (v.flow[i] & 1) == 0 ? FlowTable.FORWARD : FlowTable.REVERSE;
      received.set(
          flows.get(flow, tuple),
          flows.get(flow, tuple + 1),
          flows.get(flow, tuple + 2),
          flows.get(flow, tuple + 3),
          flows.get(flow, tuple + 4));
    } else {
      Tuple it = v.opening.forward;
      received.set(it.sourceHigh, it.sourceLow, it.destinationHigh, it.destinationLow, it.ports);
    }
  }

  /**
   * Returns the length of the link-layer header that an answer can have: that of Ethernet with its
   * tags, to one station, or an encapsulation, or none; -1 where none can be made.
   */
  private static int linkLayer(PacketBatch batch, int i) {
    int length = batch.l2Length[i];
    if (length == 0) {
      return 0;
    }
    if (batch.linkType[i] == PacketBatch.ENCAPSULATION) {
      return length;
    }
    int at = batch.l2Offset[i];
    boolean typed =
        batch.linkType[i] == ETHERNET
            && length >= 14
            && PacketHeader.u16(batch.bytes, at + 12) >= 0x600;
    return typed && (batch.bytes[at] & 1) == 0 ? length : -1;
  }
}
