package dev.portcullis.worker.pipeline;

import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.worker.flow.Expectations;
import dev.portcullis.worker.flow.Expectations.Expected;
import dev.portcullis.worker.stage.Announcer;
import dev.portcullis.worker.stage.Ownership;
import java.util.List;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Tells the shards that may get the first packet of an announced connection where to send it. Where
 * the port that is not known yet cannot make a difference that is the owner of the addresses, else
 * every shard of every worker. All further packets follow the record that the first one leaves
 * behind ({@link ExpectedLookup}).
 *
 * <p>Thread: one shard.
 */
final class Announcements implements Announcer {

  /** Nobody waits for the answer. */
  private static final long NO_TOKEN = 0;

  private final Expectations expectations;
  private final Ownership ownership;
  private final Mail mail;
  private final LongConsumer answered;
  private final ExpectationMessage message = new ExpectationMessage();
  private final Expected received = new Expected();
  private @Nullable DistributionTable before;
  private long unsent;

  Announcements(Expectations expectations, Ownership ownership, Mail mail, LongConsumer answered) {
    this.expectations = expectations;
    this.ownership = ownership;
    this.mail = mail;
    this.answered = answered;
  }

  @Override
  public int announce(Expected it, long token, long nowNs) {
    return expectations.put(it, nowNs) ? tell(it, token, nowNs) : NO_ROOM;
  }

  /** Tells of an expectation again, as a new table may lead its first packet elsewhere. */
  void again(Expected it, long sinceNs) {
    tell(it, NO_TOKEN, sinceNs);
  }

  /** Those are told, too, who may get the packet by another table: senders may work by it yet. */
  void alsoBy(@Nullable DistributionTable table) {
    before = table;
  }

  private int tell(Expected it, long token, long nowNs) {
    DistributionTable table = ownership.table();
    DistributionTable other = before;
    int asked = tell(table, it, token, nowNs);
    return other == null || other.epoch() == table.epoch()
        ? asked
        : asked + tell(other, it, token, nowNs);
  }

  private int tell(DistributionTable table, Expected it, long token, long nowNs) {
    if (!mayDependOnPorts(table)) {
      int owner = Ownership.ownerOf(table, it.tuple, ownership.key);
      int lane = Lanes.laneOf(ownership.key.vHigh, ownership.key.vLow);
      return ask(owner, ownership.linkLane(owner, lane), it, token, nowNs);
    }
    int asked = 0;
    List<Member> workers = table.workers();
    for (int a = 0; a < workers.size(); a++) {
      Member member = workers.get(a);
      for (int shard = 0; shard < member.shards(); shard++) {
        asked += ask(member.number(), shard, it, token, nowNs);
      }
    }
    return asked;
  }

  private static boolean mayDependOnPorts(DistributionTable table) {
    if (table.classNames().size() > 1) {
      return true;
    }
    return switch (table.algorithm(0)) {
      case IP_SUM, IP_SOURCE, IP_DESTINATION, IP_SUM_WEIGHTED, LEAST_LOADED -> false;
      default -> true;
    };
  }

  private int ask(int worker, int shard, Expected it, long token, long nowNs) {
    if (worker == ownership.self() && shard == ownership.shard()) {
      return 0;
    }
    PacketBatch row = message.expect(it, token, ownership.self(), ownership.shard(), nowNs);
    if (!mail.send(worker, shard, row)) {
      unsent++;
      return 0;
    }
    return 1;
  }

  /** Questions that could not be sent, as there was no way or no room. Any thread. */
  long unsent() {
    return unsent;
  }

  /** Takes a message about an expectation; one from nobody of the table is left alone. */
  void received(PacketBatch batch, int i) {
    DistributionTable table = ownership.table;
    if (table == null) {
      return;
    }
    long nowNs = batch.captureTimeNs[i];
    switch (ExpectationMessage.type(batch, i)) {
      case ExpectationMessage.EXPECT -> {
        int worker = ExpectationMessage.worker(batch, i);
        int shard = ExpectationMessage.shard(batch, i);
        Member asks = table.worker(worker);
        long token = ExpectationMessage.token(batch, i);
        ExpectationMessage.read(batch, i, received);
        if (token == NO_TOKEN || asks != null && shard < asks.shards()) {
          // where there is no room the first packet is treated as any other: it is not held up
          expectations.put(received, nowNs);
        }
        if (token != NO_TOKEN && asks != null && shard < asks.shards()) {
          mail.send(worker, shard, message.expected(token, nowNs));
        }
      }
      case ExpectationMessage.EXPECTED -> answered.accept(ExpectationMessage.token(batch, i));
      default -> {}
    }
  }
}
