package dev.portcullis.core.counters;

import java.util.HashMap;
import java.util.Map;

/**
 * Why a packet was dropped. The id travels on the wire and in counters; the label stands in
 * metrics, {@code summary.json} and {@code paths.jsonl}; the sentence is for people.
 */
public enum DropReason {
  /** Not dropped; id 0, so that a column of zeros means "forward". */
  NONE(0, "none", "The packet was not dropped."),
  MALFORMED(1, "malformed", "A header is cut off or contradicts itself."),
  BAD_CHECKSUM(2, "bad-checksum", "The IP, TCP, UDP or ICMP checksum is wrong."),
  NON_IP(
      3,
      "non-ip",
      "The frame is not IP and the port is not one of an inline pair, or exceptions.nonIp is drop."),
  UNKNOWN_LINK_TYPE(
      4, "unknown-link-type", "The link type of the capture is not one that is understood."),
  MARTIAN(
      5,
      "martian",
      "An address cannot be a sender or receiver on a network: loopback, unspecified or the like."),
  ACL(6, "acl", "A rule of the policy says drop."),
  ACL_DEFAULT(7, "acl-default", "No rule of the policy matches and defaultAction is drop."),
  REJECTED(8, "rejected", "A rule of the policy says reject."),
  MIDSTREAM(9, "midstream", "A TCP segment came for a connection whose handshake was not seen."),
  OUT_OF_STATE(10, "out-of-state", "The packet does not fit the state of its connection."),
  FLOW_TABLE_FULL(11, "flow-table-full", "The worker tracks as many flows as limits.flows allows."),
  NAT_EXHAUSTED(12, "nat-exhausted", "No translated port is free for a new flow."),
  NO_ROUTE(13, "no-route", "No route of the gateway leads to the receiver."),
  TTL_EXPIRED(14, "ttl-expired", "The TTL or hop limit of the packet is used up."),
  HOP_LIMIT(15, "hop-limit", "The packet was passed on between workers too often."),
  NOT_OWNER(
      16, "not-owner", "The packet reached a worker that does not own it: a fault of the gateway."),
  LINK_QUEUE_FULL(17, "link-queue-full", "The queue of a link to another module was full."),
  LINK_LOST(
      18, "link-lost", "The module that had the packet died before it said what became of it."),
  WORKER_UNREACHABLE(
      19, "worker-unreachable", "There is no link to the worker that owns the packet."),
  NO_TABLE(20, "no-table", "The module has no distribution table yet."),
  UNKNOWN_TAG(21, "unknown-tag", "The tag of the packet names no logical interface."),
  PORT_CLOSED(22, "port-closed", "The port that the packet should leave by does not take packets."),
  NO_PATH(23, "no-path", "A reply came for a path whose worker no longer knows the flow."),
  INLINE_UNPAIRED(
      24, "inline-unpaired", "The port of entry has neither an inline partner nor routes."),
  PATH_TABLE_FULL(
      25, "path-table-full", "The worker keeps as many path records as limits.paths allows."),
  TOO_LARGE(26, "too-large", "The frame is longer than a packet can be."),
  SHUTDOWN(27, "shutdown", "The module stopped while it still had the packet."),
  WRITE_FAILED(28, "write-failed", "The output of the port could not be written."),
  FRAGMENT_LIMIT(
      29, "fragment-limit", "There is no room to keep a fragment until its datagram is complete."),
  FRAGMENT_TIMEOUT(
      30, "fragment-timeout", "The rest of the datagram did not come within timeouts.fragment."),
  FRAGMENT_OVERLAP(31, "fragment-overlap", "Fragments of one datagram cover the same bytes."),
  LAND(32, "land", "Sender and receiver are the same address and port."),
  SOURCE_ROUTED(33, "source-routed", "The packet says by which routers it wants to go."),
  HALF_OPEN_LIMIT(
      34, "half-open-limit", "As many connections are half open as limits.halfOpen allows."),
  MTU_EXCEEDED(35, "mtu-exceeded", "The packet is larger than the MTU and may not be fragmented."),
  POLICY_CHANGED(36, "policy-changed", "The policy has changed and no longer accepts the flow."),
  ICMP_UNRELATED(37, "icmp-unrelated", "The ICMP error quotes a packet of no flow that is known."),
  TO_GATEWAY(
      38,
      "to-gateway",
      "The packet was for the gateway itself or all on its link: answered, or of no use."),
  STAGE_FAILED(
      39, "stage-failed", "A stage of the pipeline failed on the packet: a fault of the gateway."),
  HOLD_OVERFLOW(40, "hold-overflow", "There is no room to hold the packet until it can go on."),
  NAT_FILTERED(41, "nat-filtered", "The mapping of the receiver takes nothing from this sender."),
  OUT_OF_WINDOW(
      42, "out-of-window", "The TCP segment lies outside of the windows of its connection."),
  NAT_UNTRANSLATABLE(
      48, "nat-untranslatable", "The address has no counterpart behind the other prefix."),
  PORT_FULL(50, "port-full", "The queue of the device that the packet should leave by was full."),
  NO_NEIGHBOUR(51, "no-neighbour", "Nobody on the link answers for the next hop."),
  NEIGHBOUR_LIMIT(
      52,
      "neighbour-limit",
      "Too many packets wait for the MAC address of their next hop, or too many next hops do."),
  TUNNEL_HEADER(
      53,
      "tunnel-header",
      "The header of the tunnel is cut off, contradicts itself, or is of a version or kind that is not known."),
  TUNNEL_OPTION(54, "tunnel-option", "A critical option in the header of the tunnel is not known."),
  TUNNEL_PAYLOAD(
      55, "tunnel-payload", "What is inside of the tunnel is not of the kind that the port takes."),
  WRONG_VNI(56, "wrong-vni", "The datagram is of another virtual network than the port."),
  OTHER_STATION(57, "other-station", "The frame in the tunnel is for another station."),
  UNKNOWN_ENDPOINT(
      58,
      "unknown-endpoint",
      "The datagram is from no endpoint that the port was told, and the port learns none."),
  ENDPOINT_LIMIT(
      59, "endpoint-limit", "The port has learned as many endpoints of the tunnel as it may."),
  NO_ENDPOINT(60, "no-endpoint", "No endpoint of the tunnel is known that the packet could go to."),
  HELPER_PARTIAL(
      61,
      "helper-partial",
      "The TCP segment has a part of an address that must be translated as a whole."),
  TUPLE_IN_USE(
      62, "tuple-in-use", "Another live flow has the addresses and ports that replies would have."),
  SCALE_HOLD(
      63,
      "scale-hold",
      "The number of workers changes, and there is no room to hold the packet until its flow has"
          + " come.");

  private static final DropReason[] BY_ID = new DropReason[128];
  private static final Map<String, DropReason> BY_LABEL = new HashMap<>();

  static {
    for (DropReason reason : values()) {
      if (BY_ID[reason.id] != null || BY_LABEL.put(reason.label, reason) != null) {
        throw new ExceptionInInitializerError(
            "two drop reasons share id " + reason.id + " or label " + reason.label);
      }
      BY_ID[reason.id] = reason;
    }
  }

  private final int id;
  private final String label;
  private final String sentence;

  DropReason(int id, String label, String sentence) {
    this.id = id;
    this.label = label;
    this.sentence = sentence;
  }

  /** Number of the reason on the wire: 0 to 63, never used for anything else. */
  public int id() {
    return id;
  }

  /** Name in metrics and files: lower case with hyphens. */
  public String label() {
    return label;
  }

  /** One sentence that tells a person what happened. */
  public String sentence() {
    return sentence;
  }

  /** Returns the reason with this id; one that this version does not know is {@link #MALFORMED}. */
  public static DropReason byId(int id) {
    DropReason reason = id >= 0 && id < BY_ID.length ? BY_ID[id] : null;
    return reason == null ? MALFORMED : reason;
  }

  /** Returns one more than the highest id: the length of an array of counters by reason. */
  public static int idLimit() {
    return BY_ID.length;
  }
}
