package dev.portcullis.worker;

import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.elastic.ControlMessage.Answer;
import dev.portcullis.core.elastic.ControlMessage.Gone;
import dev.portcullis.core.elastic.ControlMessage.Guard;
import dev.portcullis.core.elastic.ControlMessage.Guarded;
import dev.portcullis.core.elastic.ControlMessage.Guarding;
import dev.portcullis.core.elastic.ControlMessage.Order;
import dev.portcullis.core.elastic.ControlMessage.Takeover;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.management.Directive;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Replication in a worker: who has its replica, and whose replicas it has. Workers of a table are
 * connected directly; that connection is the second witness of a worker's life, beside the switch
 * module.
 *
 * <p>Threads: {@link #up} and {@link #down} on any, the rest on that of management.
 */
final class GuardDuty {

  /** Goes on as another worker. */
  interface Succession {

    /**
     * The worker of a life that has ended goes on here.
     *
     * @param state all that it had
     */
    void begin(Life ended, PolicyFollower state);
  }

  private final Life self;
  private final PolicyFollower follower;
  private final Wiring wiring;
  private final Wards wards;
  private final Consumer<Answer> answers;
  private final Succession succession;
  private final Map<ModuleId, Member> addresses = new HashMap<>();
  private final Map<ModuleId, Integer> open = new HashMap<>();
  private @Nullable ModuleId guarded;

  /**
   * Makes it.
   *
   * @param passive makes the worker of a number without links, on the threads of this one
   * @param answers takes what the switch module is to know
   */
  GuardDuty(
      Life self,
      PolicyFollower follower,
      Wiring wiring,
      IntFunction<PolicyFollower> passive,
      Consumer<Answer> answers,
      Succession succession) {
    this.self = self;
    this.follower = follower;
    this.wiring = wiring;
    this.answers = answers;
    this.succession = succession;
    this.wards =
        new Wards(
            self.generation(),
            self.shards(),
            wiring::outlets,
            passive,
            (worker, generation, full) ->
                answers.accept(
                    new Guarding(
                        self, new Life(ModuleId.worker(worker), generation, self.shards()), full)));
  }

  /** A directive has come, whose table holds from now on. */
  void follow(Directive directive, DistributionTable table) {
    follower.worker().onShards(shard -> shard.guards(wards));
    wards.follow(directive, table);
    know(directive.workers());
    for (Member it : directive.workers()) {
      follower
          .worker()
          .onShards(shard -> shard.onLife(ModuleId.worker(it.number()), it.generation()));
    }
    wards.tellAgain();
  }

  /** The switch module is there, or another one: what it was told meanwhile is told again. */
  void attached() {
    wards.tellAgain();
  }

  /** Tables name workers, and where they are. */
  void know(List<Member> workers) {
    workers.forEach(it -> addresses.put(ModuleId.worker(it.number()), it));
  }

  /** Takes an order about replicas; false: it is about something else. */
  boolean order(Order order) {
    switch (order) {
      case Guard guard -> guard(guard.guardian());
      case Guarded guarded ->
          follower.worker().onShards(shard -> shard.onGuarded(guarded.guardian()));
      case Gone gone -> {
        if (isCut(gone.life().module())) {
          if (gone.life().module().equals(guarded)) {
            answers.accept(new Guarding(self, self, false)); // what that has of this is out of date
          }
          follower.worker().onShards(shard -> shard.onEnded(gone.life()));
        }
      }
      case Takeover takeover -> {
        if (isCut(takeover.of().module())) {
          goOn(takeover.of());
        }
      }
      default -> {
        return false;
      }
    }
    return true;
  }

  private void guard(Life guardian) {
    Member at = addresses.get(guardian.module());
    if (at == null || at.generation() != guardian.generation()) {
      return; // its directive comes, and then the order again
    }
    guarded = guardian.module();
    follower.worker().onShards(shard -> shard.onGuard(guardian));
  }

  private void goOn(Life ended) {
    PolicyFollower state = wards.goOn(ended.module().number(), ended.generation(), wiring);
    if (state != null) {
      succession.begin(ended, state);
    }
  }

  /** What went on here has left. */
  void left(int worker) {
    wards.forget(worker);
  }

  /** A stream of another module is open. */
  void up(ModuleId peer) {
    synchronized (open) {
      open.merge(peer, 1, Integer::sum);
    }
  }

  /** A stream of another module has ended. */
  void down(ModuleId peer) {
    synchronized (open) {
      open.merge(peer, -1, Integer::sum);
    }
  }

  /** Whether no stream of a module is open. */
  private boolean isCut(ModuleId peer) {
    synchronized (open) {
      return open.getOrDefault(peer, 0) == 0;
    }
  }
}
