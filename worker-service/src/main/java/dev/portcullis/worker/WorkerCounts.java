package dev.portcullis.worker;

import static dev.portcullis.worker.policy.RuleCounts.BYTES;
import static dev.portcullis.worker.policy.RuleCounts.FLOWS;
import static dev.portcullis.worker.policy.RuleCounts.PACKETS;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.counters.Reading;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.policy.PolicySpec;
import dev.portcullis.worker.flow.EndReason;
import dev.portcullis.worker.pipeline.Shard;
import dev.portcullis.worker.stage.StageName;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.ToLongFunction;

/** The numbers of a worker: sums over its shards, read at scrape. Any thread. */
final class WorkerCounts implements MetricsSource {

  /** The most rules that ever have series, over all policies of a life. */
  private static final int MAX_RULES = 65_536;

  private final String module;
  private final String number;
  private final PolicyFollower follower;
  private final AtomicLong lost = new AtomicLong();
  private final AtomicLong takeovers = new AtomicLong();
  private final AtomicLong takeoversFailed = new AtomicLong();
  private final List<Reading> always;
  private final List<Reading> drops;
  private final Map<String, List<Reading>> rules = new HashMap<>();
  private final Map<Integer, Reading> redistributed = new ConcurrentSkipListMap<>();
  private volatile int epoch;

  WorkerCounts(ModuleId self, PolicyFollower follower) {
    this.module = self.toString();
    this.number = Integer.toString(self.number());
    this.follower = follower;
    this.always = always();
    this.drops = drops();
  }

  /** Another worker goes on in this process. */
  void tookOver() {
    takeovers.incrementAndGet();
  }

  /** Another worker should go on in this process, and cannot. */
  void couldNotTakeOver() {
    takeoversFailed.incrementAndGet();
  }

  /** Packets that another module had when it died. */
  void lost(long packets) {
    lost.addAndGet(packets);
  }

  /** The table that the worker works by. */
  void table(DistributionTable next) {
    for (Member member : next.workers()) {
      int to = member.number();
      if (!Integer.toString(to).equals(number)) {
        redistributed.computeIfAbsent(to, this::redistributedTo);
      }
    }
    epoch = next.epoch();
  }

  private Reading redistributedTo(int to) {
    return new Reading(
        Counter.REDISTRIBUTED_PACKETS,
        List.of(number, Integer.toString(to)),
        sum(it -> it.redistributedTo(to)));
  }

  int epoch() {
    return epoch;
  }

  private LongSupplier sum(ToLongFunction<Shard> of) {
    return () -> {
      long sum = 0;
      for (Shard shard : follower.worker().shards()) {
        sum += of.applyAsLong(shard);
      }
      return sum;
    };
  }

  private List<Reading> always() {
    List<Reading> list = new ArrayList<>(ofPackets());
    list.addAll(ofAnnouncements());
    return List.copyOf(list);
  }

  private List<Reading> ofAnnouncements() {
    return List.of(
        announcements("expected", it -> it.pipeline().announced()),
        announcements("refused", it -> it.pipeline().announcedRefused()),
        announcements("full", it -> it.pipeline().announcedFull()),
        announcements("late", it -> it.pipeline().announcedLate()),
        new Reading(
            Counter.EXPECTED_CONNECTIONS,
            List.of(module),
            sum(it -> it.pipeline().expectationsMet())),
        new Reading(
            Counter.WORKER_EXPECTATIONS, List.of(number), sum(it -> it.pipeline().expectations())));
  }

  private Reading announcements(String outcome, ToLongFunction<Shard> of) {
    return new Reading(Counter.ANNOUNCEMENTS, List.of(module, outcome), sum(of));
  }

  private List<Reading> ofPackets() {
    return List.of(
        new Reading(Counter.TABLE_EPOCH, List.of(module), () -> epoch),
        new Reading(Counter.PACKETS_RECEIVED, List.of(module, ""), sum(Shard::received)),
        new Reading(Counter.BYTES_RECEIVED, List.of(module, ""), sum(Shard::receivedBytes)),
        new Reading(Counter.PACKETS_FORWARDED, List.of(module, ""), sum(Shard::forwarded)),
        new Reading(Counter.PACKETS_ORIGINATED, List.of(module), sum(Shard::originated)),
        new Reading(Counter.ICMP_ERRORS_SUPPRESSED, List.of(module), sum(Shard::errorsSuppressed)),
        new Reading(Counter.PACKETS_HELD, List.of(module), sum(Shard::held)),
        new Reading(Counter.WORKER_FLOWS, List.of(number), sum(it -> it.pipeline().flows().size())),
        new Reading(
            Counter.WORKER_FLOWS_CREATED,
            List.of(number),
            sum(it -> it.pipeline().flows().created())),
        new Reading(
            Counter.WORKER_FLOWS_EXPIRED,
            List.of(number),
            sum(
                it ->
                    it.pipeline().flows().ended(EndReason.TIMEOUT)
                        + it.pipeline().flows().ended(EndReason.CLOSED))),
        new Reading(
            Counter.WORKER_FLOWS_EVICTED,
            List.of(number),
            sum(it -> it.pipeline().flows().ended(EndReason.EVICTED))),
        new Reading(
            Counter.WORKER_FLOWS_CLEARED,
            List.of(number),
            sum(it -> it.pipeline().flows().ended(EndReason.CLEARED))),
        new Reading(
            Counter.WORKER_FLOWS_HALF_OPEN,
            List.of(number),
            sum(it -> it.pipeline().flows().halfOpen())),
        new Reading(
            Counter.WORKER_NAT_TUPLES,
            List.of(number),
            sum(it -> it.pipeline().flows().translated())),
        new Reading(
            Counter.WORKER_SHADOWS, List.of(number), sum(it -> it.pipeline().flows().shadows())),
        new Reading(Counter.SCALE_FLOWS_MOVED, List.of(), sum(it -> it.pipeline().flowsGiven())),
        new Reading(Counter.SCALE_FLOWS_BROKEN, List.of(), sum(it -> it.pipeline().flowsBroken())),
        new Reading(
            Counter.REPLICA_ENTRIES, List.of(number), sum(it -> it.replication().entries())),
        new Reading(Counter.REPLICA_BYTES, List.of(number), sum(it -> it.replication().bytes())),
        new Reading(Counter.REPLICA_LAG, List.of(number), sum(it -> it.replication().lag())),
        new Reading(
            Counter.REPLICA_UNPROTECTED,
            List.of(number),
            sum(it -> it.replication().unprotected() ? 1 : 0)),
        new Reading(Counter.REPLICA_TAKEOVERS, List.of(module), takeovers::get),
        new Reading(Counter.REPLICA_TAKEOVERS_FAILED, List.of(module), takeoversFailed::get),
        moved("left", it -> it.pipeline().flowsLeft()),
        moved("stayed", it -> it.pipeline().flowsStayed()),
        moved("taken", it -> it.pipeline().flowsTaken()),
        moved("refused", it -> it.pipeline().flowsRefused()),
        moved("returned", it -> it.pipeline().flowsReturned()),
        new Reading(Counter.PATH_MISMATCH, List.of(), sum(it -> it.pipeline().mismatches())),
        new Reading(Counter.OUTCOMES_LOST, List.of(module), sum(Shard::outcomesLost)),
        new Reading(Counter.WORKER_PATHS, List.of(number), sum(it -> it.pipeline().paths().size())),
        new Reading(Counter.EVENTS_SUPPRESSED, List.of(number), sum(Shard::eventsSuppressed)),
        new Reading(
            Counter.EXPRESSION_FAILURES,
            List.of(module),
            sum(it -> it.pipeline().expressionFailures())),
        new Reading(
            Counter.PACKETS_DROPPED,
            List.of(module, "link", DropReason.LINK_LOST.label()),
            lost::get));
  }

  private Reading moved(String what, ToLongFunction<Shard> of) {
    return new Reading(Counter.WORKER_FLOWS_MOVED, List.of(number, what), sum(of));
  }

  private List<Reading> drops() {
    List<Reading> list = new ArrayList<>();
    for (StageName stage : StageName.values()) {
      for (DropReason reason : DropReason.values()) {
        if (reason != DropReason.NONE) {
          list.add(
              new Reading(
                  Counter.PACKETS_DROPPED,
                  List.of(module, stage.label(), reason.label()),
                  sum(it -> it.dropped(stage, reason))));
        }
      }
    }
    return List.copyOf(list);
  }

  private List<Reading> rule(String name) {
    List<String> labels = List.of(module, name);
    return List.of(
        new Reading(Counter.RULE_FLOWS, labels, sum(it -> it.pipeline().rules().get(name, FLOWS))),
        new Reading(
            Counter.RULE_PACKETS, labels, sum(it -> it.pipeline().rules().get(name, PACKETS))),
        new Reading(Counter.RULE_BYTES, labels, sum(it -> it.pipeline().rules().get(name, BYTES))));
  }

  /**
   * Series of drops appear with their first drop; those of rules are there from the start, for the
   * rules of the present policy. The readings are the same objects every time.
   */
  @Override
  public synchronized List<Reading> readings() {
    List<Reading> list = new ArrayList<>(always);
    list.addAll(redistributed.values());
    list.addAll(rules.computeIfAbsent("default", this::rule));
    for (PolicySpec.Rule it : follower.worker().policy().rules()) {
      if (rules.size() < MAX_RULES || rules.containsKey(it.name())) {
        list.addAll(rules.computeIfAbsent(it.name(), this::rule));
      }
    }
    for (Reading it : drops) {
      if (it.value().getAsLong() > 0) {
        list.add(it);
      }
    }
    return list;
  }
}
