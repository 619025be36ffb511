package dev.portcullis.core.elastic;

import dev.portcullis.core.elastic.ControlMessage.Abort;
import dev.portcullis.core.elastic.ControlMessage.Ask;
import dev.portcullis.core.elastic.ControlMessage.Begin;
import dev.portcullis.core.elastic.ControlMessage.Commit;
import dev.portcullis.core.elastic.ControlMessage.Done;
import dev.portcullis.core.elastic.ControlMessage.Generation;
import dev.portcullis.core.elastic.ControlMessage.Gone;
import dev.portcullis.core.elastic.ControlMessage.Guard;
import dev.portcullis.core.elastic.ControlMessage.Guarded;
import dev.portcullis.core.elastic.ControlMessage.Guarding;
import dev.portcullis.core.elastic.ControlMessage.Missing;
import dev.portcullis.core.elastic.ControlMessage.Order;
import dev.portcullis.core.elastic.ControlMessage.Prepare;
import dev.portcullis.core.elastic.ControlMessage.Prepared;
import dev.portcullis.core.elastic.ControlMessage.Retire;
import dev.portcullis.core.elastic.ControlMessage.State;
import dev.portcullis.core.elastic.ControlMessage.Takeover;
import dev.portcullis.core.link.ModuleId;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A module as the coordinator sees it: refuses orders of an old term, hands the others to its
 * shards, and answers when all shards have.
 *
 * <p>Thread: management of the module.
 */
public final class ChangeModule {

  /** Where orders and answers go. */
  public interface Actions {

    /** Hands an order to every shard, in order. */
    void shards(Order order);

    /** Answers the coordinator. */
    void answer(ControlMessage.Answer answer);
  }

  private final Life self;
  private final Actions actions;
  private final BitSet known = new BitSet();
  private final BitSet copied = new BitSet();
  private final BitSet done = new BitSet();
  private final Map<ModuleId, Life> endedLives = new LinkedHashMap<>();
  private long term;
  private @Nullable Members now;
  private @Nullable Members next;
  private boolean committed;
  private boolean left;

  /** Lives that were to have the replica of this one, and whose end was not told. */
  private final Set<Life> guardians = new LinkedHashSet<>();

  /** Of lives whose replicas are here: the shards of which all is there. */
  private final Map<Life, BitSet> fullShards = new LinkedHashMap<>();

  /** Describes a life that has no table yet. */
  public ChangeModule(Life self, Actions actions) {
    this.self = self;
    this.actions = actions;
  }

  /** An order has come. Returns false for one of an old term: it is refused. */
  public boolean order(Order order) {
    if (order.term() < term) {
      return false;
    }
    term = order.term();
    switch (order) {
      case Begin begin -> begin(begin);
      case Prepare prepare -> prepare(prepare);
      case Commit commit -> commit(commit);
      case Abort abort -> abort(abort);
      case Retire retire -> retire(retire);
      case Generation generation -> generation(generation);
      case Guard guard -> {
        guardians.add(guard.guardian());
        actions.shards(guard);
      }
      case Gone gone -> {
        guardians.remove(gone.life());
        actions.shards(gone);
      }
      case Guarded guarded -> actions.shards(guarded);
      case Takeover takeover -> takeover(takeover);
      case Ask ask -> {
        fullShards.forEach((of, shards) -> answerGuarding(of, shards));
        Members table = now == null ? Members.NONE : now;
        actions.answer(
            new State(
                self,
                ask.term(),
                table,
                next,
                committed,
                left,
                List.copyOf(endedLives.values()),
                List.copyOf(guardians)));
      }
    }
    return true;
  }

  /** Whether this life had a place in a table, and has none in the present one: it should end. */
  public boolean hasLeft() {
    return left;
  }

  private boolean isNext(int epoch) {
    return next != null && next.epoch() == epoch;
  }

  private void begin(Begin begin) {
    if (now == null) {
      now = begin.now();
      next = begin.next();
      committed = begin.committed();
      actions.shards(begin);
    }
  }

  private void prepare(Prepare prepare) {
    if (isNext(prepare.next().epoch())) {
      answerPrepared();
      return;
    }
    if (left || now != null && prepare.next().epoch() <= now.epoch()) {
      return;
    }
    now = prepare.now();
    next = prepare.next();
    committed = false;
    known.clear();
    copied.clear();
    done.clear();
    actions.shards(prepare);
  }

  private void commit(Commit commit) {
    if (isNext(commit.epoch())) {
      if (!committed) {
        committed = true;
        actions.shards(commit);
      }
      answerDone();
    }
  }

  private void abort(Abort abort) {
    if (isNext(abort.epoch()) && !committed) {
      next = null;
      actions.shards(abort);
    }
  }

  private void retire(Retire retire) {
    if (isNext(retire.epoch())) {
      Members before = now;
      now = next;
      next = null;
      committed = false;
      left = before != null && before.has(self.module()) && now != null && !now.has(self.module());
      actions.shards(retire);
    }
  }

  private void generation(Generation generation) {
    Life successor = generation.successor();
    Life ended = generation.ended();
    fullShards.remove(ended);
    guardians.remove(ended);
    endedLives.merge(ended.module(), ended, (a, b) -> a.generation() > b.generation() ? a : b);
    if (now != null) {
      now = successor == null ? now.without(ended) : now.with(successor);
    }
    if (next != null) {
      next = successor == null ? next.without(ended) : next.with(successor);
    }
    actions.shards(generation);
  }

  /** A shard knows the table, and has little left to copy if {@code all}. */
  public void prepared(int shard, int epoch, boolean all) {
    if (isNext(epoch)) {
      known.set(shard);
      if (all) {
        copied.set(shard);
      }
      answerPrepared();
    }
  }

  private void answerPrepared() {
    if (next != null && known.cardinality() == self.shards()) {
      actions.answer(new Prepared(self, next.epoch(), copied.cardinality() == self.shards()));
    }
  }

  /** A shard has nothing left to do. */
  public void done(int shard, int epoch) {
    if (isNext(epoch)) {
      done.set(shard);
      answerDone();
    }
  }

  private void answerDone() {
    if (next != null && done.cardinality() == self.shards()) {
      actions.answer(new Done(self, next.epoch()));
    }
  }

  /** A shard misses the barrier of a member. */
  public void missing(int epoch, ModuleId member) {
    if (isNext(epoch)) {
      actions.answer(new Missing(self, epoch, member));
    }
  }

  /**
   * What there is of a shard of another worker has changed.
   *
   * @param shard of the other worker
   * @param full whether a successor could begin with it
   */
  public void replica(Life of, int shard, boolean full) {
    BitSet shards = fullShards.computeIfAbsent(of, it -> new BitSet());
    boolean before = isFull(of, shards);
    shards.set(shard, full);
    if (isFull(of, shards) != before) {
      answerGuarding(of, shards);
    }
  }

  private static boolean isFull(Life of, BitSet shards) {
    return shards.cardinality() == of.shards();
  }

  private void answerGuarding(Life of, BitSet shards) {
    actions.answer(new Guarding(self, of, isFull(of, shards)));
  }

  private void takeover(Takeover takeover) {
    BitSet shards = fullShards.get(takeover.of());
    if (shards == null || !isFull(takeover.of(), shards)) {
      actions.answer(new Guarding(self, takeover.of(), false));
    } else {
      actions.shards(takeover);
    }
  }
}
