package dev.portcullis.worker.policy;

import dev.portcullis.core.policy.GatewaySpec.OnPolicyChange;
import dev.portcullis.core.wire.PacketHeader;

/**
 * The policy that a shard works by at the moment, and what its schedules say at the time of a
 * packet.
 *
 * <p>A flow keeps a <em>stamp</em> of what it was last matched against: version of the policy (24
 * bits), type and code of the ICMP packet that opened it (16), schedules that held (24). When the
 * packets of a flow come with another stamp, the flow is due for review. Time is that of packets,
 * so a schedule changes between two packets of a flow and depends on nothing else.
 *
 * <p>Thread: one shard.
 */
public final class LivePolicy {

  private static final int VERSION_SHIFT = 40;
  private static final int ICMP_SHIFT = 24;
  private static final long ICMP_MASK = 0xffffL << ICMP_SHIFT;
  private static final long MINUTE_NS = 60_000_000_000L;

  private CompiledPolicy now;
  private long version;
  private boolean scheduled;
  private long minuteStartNs;
  private int mask;
  private long[][] off;
  private final RuleCounts counts;

  /** Begins with a policy. */
  public LivePolicy(CompiledPolicy first) {
    now = first;
    off = first.rules().off(0);
    counts = new RuleCounts(first.rules());
    change(first);
  }

  /** Works by {@code next} from the next packet on. */
  public void change(CompiledPolicy next) {
    now = next;
    version = (long) (next.version() & 0xff_ffff) << VERSION_SHIFT;
    scheduled = !next.schedules().isEmpty();
    mask = 0;
    off = next.rules().off(0);
    counts.change(next.rules());
    if (scheduled) {
      turn(0);
    }
  }

  /** The policy. */
  public CompiledPolicy now() {
    return now;
  }

  /** What its rules have decided about. */
  public RuleCounts counts() {
    return counts;
  }

  private void turn(long nowNs) {
    long minute = Math.floorDiv(nowNs, MINUTE_NS);
    minuteStartNs = minute * MINUTE_NS;
    int next = now.schedules().mask(minute);
    if (next != mask) {
      mask = next;
      off = now.rules().off(next);
    }
  }

  private void at(long nowNs) {
    if (scheduled && Long.compareUnsigned(nowNs - minuteStartNs, MINUTE_NS) >= 0) {
      turn(nowNs);
    }
  }

  /** Returns the stamp of a flow that a packet opens now. */
  public long stamp(PacketHeader h, long nowNs) {
    at(nowNs);
    boolean typed =
        (h.protocol == PacketHeader.ICMP || h.protocol == PacketHeader.ICMPV6) && h.icmpType >= 0;
    long service = typed ? AccessRules.service(h) : 0xffff;
    return version | service << ICMP_SHIFT | mask;
  }

  /** Whether a flow with this stamp was matched against something else than holds now. */
  public boolean isDue(long stamp, long nowNs) {
    at(nowNs);
    return ((stamp ^ (version | mask)) & ~ICMP_MASK) != 0;
  }

  /** Returns a flow's stamp as of now. */
  public long renewed(long stamp, long nowNs) {
    at(nowNs);
    return version | stamp & ICMP_MASK | mask;
  }

  /**
   * Returns the stamp of a flow that another worker has matched: with {@code rematch} it is due for
   * review, with {@code keep} it stays what it was.
   */
  public long adopted(long stamp, long nowNs) {
    boolean keeps = now.onChange() == OnPolicyChange.KEEP;
    return renewed(stamp, nowNs) ^ (keeps ? 0 : 1L << VERSION_SHIFT);
  }

  /**
   * Returns the present number of the rule with this name, as {@link AccessRules#name} gives it.
   */
  public int ruleNamed(String name) {
    return now.rules().number(name);
  }

  /** Returns the present number of the rule of a flow with this stamp. */
  public int ruleNow(long stamp, int rule) {
    return now.history().now(versionOf(stamp), rule);
  }

  private int versionOf(long stamp) {
    int behind = now.version() - (int) (stamp >>> VERSION_SHIFT) & 0xff_ffff;
    return now.version() - behind;
  }

  /**
   * Returns type and code of the ICMP packet that opened a flow, as {@link AccessRules#service}.
   */
  public static int icmpService(long stamp) {
    int service = (int) (stamp >>> ICMP_SHIFT) & 0xffff;
    return service == 0xffff ? AccessRules.NO_SERVICE : service;
  }

  /** Returns the first rule that matches a packet after DNAT, -1: none. */
  public int match(int fromZone, int toZone, PacketHeader h, long nowNs) {
    at(nowNs);
    return now.rules().match(fromZone, toZone, h, off);
  }

  /** As the other, with the fields of {@link AccessRules#match}. */
  public int match(
      int fromZone,
      int toZone,
      int ipVersion,
      int protocol,
      long sourceHigh,
      long sourceLow,
      long destinationHigh,
      long destinationLow,
      int service,
      long nowNs) {
    at(nowNs);
    return now.rules()
        .match(
            fromZone,
            toZone,
            ipVersion,
            protocol,
            sourceHigh,
            sourceLow,
            destinationHigh,
            destinationLow,
            service,
            off);
  }
}
