package dev.portcullis.standalone.simulate;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.portcullis.core.elastic.ChangeCoordinator;
import dev.portcullis.core.elastic.ChangeModule;
import dev.portcullis.core.elastic.ChangeWorker;
import dev.portcullis.core.elastic.ControlMessage.Abort;
import dev.portcullis.core.elastic.ControlMessage.Answer;
import dev.portcullis.core.elastic.ControlMessage.Ask;
import dev.portcullis.core.elastic.ControlMessage.Begin;
import dev.portcullis.core.elastic.ControlMessage.Commit;
import dev.portcullis.core.elastic.ControlMessage.Done;
import dev.portcullis.core.elastic.ControlMessage.Generation;
import dev.portcullis.core.elastic.ControlMessage.Gone;
import dev.portcullis.core.elastic.ControlMessage.Guard;
import dev.portcullis.core.elastic.ControlMessage.Guarded;
import dev.portcullis.core.elastic.ControlMessage.Guarding;
import dev.portcullis.core.elastic.ControlMessage.Order;
import dev.portcullis.core.elastic.ControlMessage.Prepare;
import dev.portcullis.core.elastic.ControlMessage.Retire;
import dev.portcullis.core.elastic.ControlMessage.State;
import dev.portcullis.core.elastic.ControlMessage.Takeover;
import dev.portcullis.core.elastic.KeyClass;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.elastic.ReplicaMessage;
import dev.portcullis.core.elastic.ReplicaMessage.Beat;
import dev.portcullis.core.elastic.ReplicaMessage.Changes;
import dev.portcullis.core.elastic.ReplicaMessage.ClassRecord;
import dev.portcullis.core.elastic.ReplicaMessage.Dismiss;
import dev.portcullis.core.elastic.ReplicaMessage.Fill;
import dev.portcullis.core.elastic.ReplicaMessage.Full;
import dev.portcullis.core.elastic.Replication;
import dev.portcullis.core.elastic.ShardId;
import dev.portcullis.core.elastic.ShardMessage;
import dev.portcullis.core.elastic.ShardMessage.Activate;
import dev.portcullis.core.elastic.ShardMessage.Barrier;
import dev.portcullis.core.elastic.ShardMessage.Copy;
import dev.portcullis.core.elastic.ShardMessage.Taken;
import dev.portcullis.core.link.ModuleId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/**
 * Each rule of the protocol is broken in turn, between the machines and their world: the simulator
 * notices.
 */
class BrokenProtocolTest {

  private static final int EPISODES = 1_000;

  private static void noticed(Supplier<Seams> broken, String... invariants) {
    noticed(it -> it, broken, invariants);
  }

  /** What is broken matters under one kind of replication only. */
  private static void noticed(
      Replication replication, Supplier<Seams> broken, String... invariants) {
    noticed(it -> it.with(replication), broken, invariants);
  }

  private static void noticed(
      UnaryOperator<Plan> plans, Supplier<Seams> broken, String... invariants) {
    for (long seed = 1; seed <= EPISODES; seed++) {
      Plan plan = plans.apply(Plan.of(seed, 10 * Clockwork.SECOND));
      Violation violation = new Simulation(plan, broken.get(), false).run().violation();
      if (violation != null) {
        assertTrue(List.of(invariants).contains(violation.invariant()), String.valueOf(violation));
        return;
      }
    }
    fail("not noticed in " + EPISODES + " episodes");
  }

  /** Barriers are counted that nobody has sent. */
  private static final class SkippedBarriers extends Seams {
    private final ModuleId.Kind kind;

    SkippedBarriers(ModuleId.Kind kind) {
      this.kind = kind;
    }

    @Override
    void commit(ChangeWorker worker, ToyWorkerShard shard) {
      worker.commit();
      for (int module = 0; module < 8; module++) {
        for (int thread = 0; thread < 2; thread++) {
          ShardId it = new ShardId(new ModuleId(kind, module), thread);
          if (!it.equals(shard.id())) {
            worker.arrived(it, new Barrier(worker.epoch()));
          }
        }
      }
    }
  }

  @Test
  void shouldNoticeThatBarriersOfIoModulesAreNotAwaited() {
    noticed(() -> new SkippedBarriers(ModuleId.Kind.IO), "I1", "I3", "I5", "I6");
  }

  @Test
  void shouldNoticeThatBarriersOfOtherWorkersAreNotAwaited() {
    noticed(() -> new SkippedBarriers(ModuleId.Kind.WORKER), "I1", "I3", "I5", "I6");
  }

  /** What a worker does is passed on, but for what a test changes. */
  private static class Passed implements ChangeWorker.Actions {
    final ChangeWorker.Actions actions;

    Passed(ChangeWorker.Actions actions) {
      this.actions = actions;
    }

    @Override
    public void send(ShardId to, ShardMessage message) {
      actions.send(to, message);
    }

    @Override
    public void open(Life member) {
      actions.open(member);
    }

    @Override
    public void close(Life member) {
      actions.close(member);
    }

    @Override
    public long lastNumber(ShardId to) {
      return actions.lastNumber(to);
    }

    @Override
    public void process(long packet) {
      actions.process(packet);
    }

    @Override
    public long replicate(KeyClass of, boolean active) {
      return actions.replicate(of, active);
    }

    @Override
    public void prepared(int epoch, boolean copied) {
      actions.prepared(epoch, copied);
    }

    @Override
    public void done(int epoch) {
      actions.done(epoch);
    }

    @Override
    public void missing(int epoch, ModuleId member) {
      actions.missing(epoch, member);
    }
  }

  @Test
  void shouldNoticeThatAClassIsHandedOverBeforeItsPacketsAreAcknowledged() {
    noticed(
        () ->
            new Seams() {
              @Override
              ChangeWorker.Actions worker(ToyWorkerShard shard, ChangeWorker.Actions actions) {
                return new Passed(actions) {
                  @Override
                  public long lastNumber(ShardId to) {
                    return 0;
                  }
                };
              }
            },
        "I2",
        "I3");
  }

  @Test
  void shouldNoticeThatHeldPacketsAreReleasedOutOfOrder() {
    noticed(
        () ->
            new Seams() {
              @Override
              ChangeWorker.Actions worker(ToyWorkerShard shard, ChangeWorker.Actions actions) {
                return new Passed(actions) {
                  private final List<Long> released = new ArrayList<>();

                  @Override
                  public void process(long packet) {
                    released.addFirst(packet);
                  }

                  @Override
                  public void send(ShardId to, ShardMessage message) {
                    if (message instanceof Taken) {
                      List<Long> all = List.copyOf(released);
                      released.clear();
                      all.forEach(actions::process);
                    }
                    actions.send(to, message);
                  }
                };
              }
            },
        "I3");
  }

  @Test
  void shouldNoticeThatTheNewOwnerDoesNotHold() {
    noticed(
        () ->
            new Seams() {
              @Override
              int admit(ToyWorkerShard shard, int verdict) {
                return verdict == ChangeWorker.HOLD ? ChangeWorker.PROCESS : verdict;
              }
            },
        "I1",
        "I5",
        "I6");
  }

  @Test
  void shouldNoticeThatAHeldPacketsSecondHopOvertakesWhatIsHeld() {
    noticed(
        () ->
            new Seams() {
              private boolean releasing;

              @Override
              ChangeWorker.Actions worker(ToyWorkerShard shard, ChangeWorker.Actions actions) {
                return new Passed(actions) {
                  @Override
                  public void process(long packet) {
                    releasing = true;
                    actions.process(packet);
                    releasing = false;
                  }
                };
              }

              @Override
              int admit(ToyWorkerShard shard, int verdict) {
                return releasing && verdict == ChangeWorker.HOLD ? ChangeWorker.PROCESS : verdict;
              }
            },
        "I1",
        "I3",
        "I5",
        "I6");
  }

  @Test
  void shouldNoticeThatASecondHopKeepsTheEpochOfTheFirst() {
    noticed(
        () ->
            new Seams() {
              @Override
              int epochOf(ToyWorkerShard shard, int arrivedUnder) {
                return arrivedUnder;
              }
            },
        "I1",
        "I2");
  }

  @Test
  void shouldNoticeThatChangesAfterTheFirstCopyAreLeftOut() {
    noticed(
        () ->
            new Seams() {
              @Override
              void arrived(
                  ChangeWorker worker, ToyWorkerShard shard, ShardId from, ShardMessage message) {
                if (message instanceof Copy copy && copy.version() > 0) {
                  return;
                }
                if (message instanceof Activate it) {
                  worker.arrived(
                      from,
                      new Activate(
                          it.epoch(),
                          it.of(),
                          Math.min(1, it.version()),
                          shard.content().count(it.of()),
                          shard.content().checksum(it.of()),
                          it.broken()));
                  return;
                }
                worker.arrived(from, message);
              }
            },
        "I1",
        "I5",
        "I6");
  }

  @Test
  void shouldNoticeThatATakenIsLostAndNotRepeated() {
    noticed(
        () ->
            new Seams() {
              private int taken;

              @Override
              void arrived(
                  ChangeWorker worker, ToyWorkerShard shard, ShardId from, ShardMessage message) {
                if (!(message instanceof Taken) || ++taken % 20 != 0) {
                  worker.arrived(from, message);
                }
              }
            },
        "liveness");
  }

  @Test
  void shouldNoticeThatTheNextChangeBeginsBeforeTheFirstIsDone() {
    noticed(
        () ->
            new Seams() {
              @Override
              void answer(ChangeCoordinator coordinator, Answer answer) {
                if (answer instanceof Done done && coordinator.next() != null) {
                  for (Life life : coordinator.now().union(coordinator.next())) {
                    coordinator.answer(new Done(life, done.epoch()));
                  }
                } else {
                  coordinator.answer(answer);
                }
              }
            },
        "I1",
        "I2",
        "I3",
        "I5",
        "I6",
        "liveness");
  }

  @Test
  void shouldNoticeThatAnIoModuleThatLeavesGoesOnTakingPacketsIn() {
    noticed(
        () ->
            new Seams() {
              @Override
              boolean mayTakeIn(boolean may) {
                return true;
              }
            },
        "I1",
        "I2",
        "I3",
        "liveness");
  }

  @Test
  void shouldNoticeThatAFencedLifeIsStillHeard() {
    noticed(
        () ->
            new Seams() {
              @Override
              boolean refuses(boolean ended) {
                return false;
              }
            },
        "I1",
        "I3",
        "I5",
        "I6",
        "liveness");
  }

  @Test
  void shouldNoticeThatAModuleObeysACoordinatorOfAnOldTerm() {
    noticed(
        () ->
            new Seams() {
              private final Map<ChangeModule, Long> terms = new HashMap<>();

              @Override
              boolean order(ChangeModule module, Order order) {
                long term = terms.merge(module, order.term(), Math::max);
                return module.order(
                    switch (order) {
                      case Begin it -> new Begin(term, it.now(), it.next(), it.committed());
                      case Prepare it -> new Prepare(term, it.now(), it.next());
                      case Commit it -> new Commit(term, it.epoch());
                      case Abort it -> new Abort(term, it.epoch());
                      case Retire it -> new Retire(term, it.epoch());
                      case Generation it -> new Generation(term, it.ended(), it.successor());
                      case Guard it -> new Guard(term, it.guardian());
                      case Guarded it -> new Guarded(term, it.guardian());
                      case Takeover it -> new Takeover(term, it.of());
                      case Gone it -> new Gone(term, it.life());
                      case Ask it -> it;
                    });
              }
            },
        "I1",
        "I2",
        "I3",
        "I4",
        "I5",
        "I6",
        "machine",
        "liveness");
  }

  @Test
  void shouldNoticeThatClassesAreNotSaidAgainToAWorkerThatBeginsAnew() {
    noticed(
        Replication.NONE,
        () ->
            new Seams() {
              @Override
              void opened(ChangeWorker worker, ShardId from, int epoch, boolean empty) {
                worker.opened(from, epoch, false);
              }
            },
        "liveness");
  }

  @Test
  void shouldNoticeThatTheHelloOfANewChannelIsNotTakenForABarrier() {
    noticed(
        Replication.NONE,
        () ->
            new Seams() {
              @Override
              void opened(ChangeWorker worker, ShardId from, int epoch, boolean empty) {
                worker.opened(from, 0, empty);
              }
            },
        "liveness");
  }

  /** Messages to guardians are changed. */
  private static Seams replicating(UnaryOperator<ReplicaMessage> change) {
    return new Seams() {
      @Override
      ReplicaMessage replicates(ToyWorkerShard shard, ReplicaMessage message) {
        return change.apply(message);
      }
    };
  }

  @Test
  void shouldNoticeThatAPacketLeavesBeforeTheGuardianHasWhatItChanged() {
    noticed(
        Replication.SYNC,
        () ->
            new Seams() {
              @Override
              long after(ToyWorkerShard shard, long position) {
                return 0;
              }
            },
        "I6");
  }

  @Test
  void shouldNoticeThatAGuardianLacksWhatItHasAcknowledged() {
    noticed(
        Replication.SYNC,
        () ->
            replicating(
                it ->
                    it instanceof Changes changes && changes.upTo() % 20 == 0
                        ? new Changes(changes.upTo(), null, changes.classes())
                        : it),
        "I6");
  }

  @Test
  void shouldNoticeThatAGuardianWritesOlderChangesOverNewerOnes() {
    noticed(
        Replication.SYNC,
        () ->
            new Seams() {
              private final Map<ToyWorkerShard, Object> before = new HashMap<>();

              @Override
              ReplicaMessage replicates(ToyWorkerShard shard, ReplicaMessage message) {
                if (!(message instanceof Changes it) || it.entries() == null) {
                  return message;
                }
                Object earlier = before.put(shard, it.entries());
                List<Object> both = new ArrayList<>((List<?>) it.entries());
                both.addAll(earlier == null ? List.of() : (List<?>) earlier);
                return new Changes(it.upTo(), both, it.classes());
              }
            },
        "I1",
        "I6");
  }

  @Test
  void shouldNoticeThatAReplicaIsTakenForFullThatHasOnlyWhatChangesLater() {
    noticed(
        Replication.SYNC,
        () ->
            new Seams() {
              private final Set<ToyWorkerShard> filling = new HashSet<>();

              @Override
              ReplicaMessage replicates(ToyWorkerShard shard, ReplicaMessage message) {
                if (message instanceof Fill) {
                  filling.add(shard);
                } else if (message instanceof Full) {
                  filling.remove(shard);
                }
                return message instanceof Changes it && filling.contains(shard)
                    ? new Changes(it.upTo(), null, it.classes())
                    : message;
              }
            },
        "I1",
        "I6");
  }

  @Test
  void shouldNoticeThatAGuardianGoesOnWithAReplicaThatIsNotFedAnyMore() {
    noticed(
        Replication.SYNC, () -> replicating(it -> it instanceof Dismiss ? new Beat() : it), "I6");
  }

  @Test
  void shouldNoticeThatAWorkerWaitsNoLongerForAGuardianThatLives() {
    noticed(
        Replication.SYNC,
        () ->
            new Seams() {
              @Override
              boolean order(ChangeModule module, Order order) {
                boolean obeyed = module.order(order);
                if (order instanceof Guarded it) {
                  module.order(new Gone(it.term(), it.guardian()));
                }
                return obeyed;
              }
            },
        "I6");
  }

  @Test
  void shouldNoticeThatAWorkerIsTakenOverThatStillLives() {
    noticed(
        Replication.SYNC,
        () ->
            new Seams() {
              private int guarding;

              @Override
              void answer(ChangeCoordinator coordinator, Answer answer) {
                coordinator.answer(answer);
                if (answer instanceof Guarding it && it.full() && ++guarding % 5 == 0) {
                  coordinator.ended(it.of());
                }
              }
            },
        "I1");
  }

  @Test
  void shouldNoticeThatASuccessorDoesNotKnowWhichClassesHadGoneOrWereActive() {
    noticed(
        Replication.SYNC,
        () ->
            new Seams() {
              @Override
              void resume(ChangeWorker worker, List<ClassRecord> records) {}
            },
        "I1",
        "I3",
        "I5",
        "I6",
        "liveness");
  }

  @Test
  void shouldNoticeThatAClassMovesBeforeTheGuardiansKnow() {
    noticed(
        Replication.SYNC,
        () ->
            new Seams() {
              @Override
              ChangeWorker.Actions worker(ToyWorkerShard shard, ChangeWorker.Actions actions) {
                return new Passed(actions) {
                  @Override
                  public long replicate(KeyClass of, boolean active) {
                    return 0;
                  }
                };
              }
            },
        "I1",
        "I3",
        "I5",
        "I6",
        "liveness");
  }

  @Test
  void shouldNoticeThatANewCoordinatorDoesNotSayAgainThatAGuardianHasEnded() {
    noticed(
        Replication.SYNC,
        () ->
            new Seams() {
              @Override
              void answer(ChangeCoordinator coordinator, Answer answer) {
                coordinator.answer(
                    answer instanceof State it
                        ? new State(
                            it.from(),
                            it.term(),
                            it.now(),
                            it.next(),
                            it.committed(),
                            it.left(),
                            it.ended(),
                            List.of())
                        : answer);
              }
            },
        "liveness");
  }

  @Test
  void shouldNoticeThatAProcessBeginsWithNothingWhileAGuardianGoesOn() {
    noticed(
        Replication.SYNC,
        () ->
            new Seams() {
              @Override
              boolean begins(boolean may) {
                return true;
              }
            },
        "I6",
        "liveness");
  }
}
