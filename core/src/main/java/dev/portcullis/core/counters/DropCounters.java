package dev.portcullis.core.counters;

import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Dropped packets of one writer by reason. Threads as {@link Counters}.
 *
 * <p>The stage that dropped follows from the reason, so that one number in the packet's row is
 * enough; a module without stages of its own names itself once for all.
 */
public final class DropCounters {

  private final Counters counters;
  private final int[] slotOfReason = new int[DropReason.idLimit()];

  private DropCounters(Counters counters, String module, @Nullable String stage) {
    this.counters = counters;
    for (DropReason reason : DropReason.values()) {
      if (reason != DropReason.NONE) {
        slotOfReason[reason.id()] =
            counters.slot(
                Counter.PACKETS_DROPPED,
                module,
                stage == null ? stageOf(reason) : stage,
                reason.label());
      }
    }
    for (int id = 0; id < slotOfReason.length; id++) {
      if (DropReason.byId(id) != DropReason.NONE) {
        slotOfReason[id] = slotOfReason[DropReason.byId(id).id()];
      }
    }
    slotOfReason[0] = slotOfReason[DropReason.MALFORMED.id()];
  }

  /** Slots that one object takes in {@link Counters}. */
  public static int slots() {
    return DropReason.values().length - 1;
  }

  /**
   * Counts in {@code counters} for {@code module} (for example {@code worker-2}), by the stage of
   * each reason.
   */
  public static DropCounters of(Counters counters, String module) {
    return new DropCounters(counters, module, null);
  }

  /** Counts in {@code counters} for {@code module}, all under one stage. */
  public static DropCounters ofStage(Counters counters, String module, String stage) {
    return new DropCounters(counters, module, stage);
  }

  /** Counts one packet. Writer only. */
  public void count(DropReason reason) {
    counters.increment(slotOfReason[reason.id()]);
  }

  /** Counts {@code n} packets. Writer only. */
  public void count(DropReason reason, long n) {
    counters.add(slotOfReason[reason.id()], n);
  }

  /**
   * Counts one packet by the number of the reason: 1 to {@link DropReason#idLimit} - 1. Writer
   * only.
   */
  public void count(int reasonId) {
    counters.increment(slotOfReason[reasonId]);
  }

  /** Returns how many were dropped for {@code reason}. Any thread. */
  public long get(DropReason reason) {
    return counters.get(slotOfReason[reason.id()]);
  }

  /** Returns how many were dropped. Any thread. */
  public long total() {
    long sum = 0;
    for (DropReason reason : DropReason.values()) {
      sum += reason == DropReason.NONE ? 0 : get(reason);
    }
    return sum;
  }

  /**
   * Adds what was dropped to {@code sums}, by label of the reason; reasons that did not happen are
   * left out. Any thread.
   */
  public void addTo(Map<String, Long> sums) {
    for (DropReason reason : DropReason.values()) {
      long dropped = reason == DropReason.NONE ? 0 : get(reason);
      if (dropped != 0) {
        sums.merge(reason.label(), dropped, Long::sum);
      }
    }
  }

  /** Returns what was dropped by label of the reason, sorted. Any thread. */
  public Map<String, Long> byLabel() {
    Map<String, Long> sums = new TreeMap<>();
    addTo(sums);
    return sums;
  }

  /** Returns the stage that drops for {@code reason}: the value of the label {@code stage}. */
  public static String stageOf(DropReason reason) {
    return switch (reason) {
      case NONE -> "none";
      case MALFORMED, BAD_CHECKSUM, MARTIAN, LAND, SOURCE_ROUTED -> "decode";
      case FRAGMENT_LIMIT, FRAGMENT_TIMEOUT, FRAGMENT_OVERLAP -> "defragment";
      case NON_IP,
          UNKNOWN_LINK_TYPE,
          TOO_LARGE,
          NO_TABLE,
          UNKNOWN_TAG,
          TUNNEL_HEADER,
          TUNNEL_OPTION,
          TUNNEL_PAYLOAD,
          WRONG_VNI,
          OTHER_STATION,
          UNKNOWN_ENDPOINT,
          ENDPOINT_LIMIT ->
          "ingress";
      case ACL, ACL_DEFAULT, REJECTED, POLICY_CHANGED -> "acl";
      case MIDSTREAM,
          OUT_OF_STATE,
          OUT_OF_WINDOW,
          FLOW_TABLE_FULL,
          HALF_OPEN_LIMIT,
          ICMP_UNRELATED,
          HOLD_OVERFLOW ->
          "stateful";
      case HELPER_PARTIAL -> "helper";
      case NAT_EXHAUSTED, NAT_FILTERED, NAT_UNTRANSLATABLE, TUPLE_IN_USE -> "snat";
      case NO_ROUTE, TTL_EXPIRED, INLINE_UNPAIRED, MTU_EXCEEDED, TO_GATEWAY -> "route";
      case STAGE_FAILED -> "pipeline";
      case HOP_LIMIT, NOT_OWNER, NO_PATH, PATH_TABLE_FULL, SCALE_HOLD -> "redistribute";
      case LINK_QUEUE_FULL, LINK_LOST, WORKER_UNREACHABLE, SHUTDOWN -> "link";
      case PORT_CLOSED, WRITE_FAILED, PORT_FULL, NO_NEIGHBOUR, NEIGHBOUR_LIMIT, NO_ENDPOINT ->
          "egress";
    };
  }
}
