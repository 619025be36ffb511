package dev.portcullis.worker;

import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.elastic.ChangeModule;
import dev.portcullis.core.elastic.ControlMessage.Answer;
import dev.portcullis.core.elastic.ControlMessage.Done;
import dev.portcullis.core.elastic.ControlMessage.Order;
import dev.portcullis.core.elastic.ControlMessage.Prepare;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.management.ChangeOrder;
import dev.portcullis.core.management.ChangeShare;
import dev.portcullis.worker.pipeline.ShardChange;
import java.util.concurrent.Executor;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Changes of table in a worker: hands the steps to its shards, and answers when all have taken
 * them. Thread: management.
 */
final class WorkerChange implements ChangeModule.Actions, ShardChange.Reports {

  private final Life self;
  private final PolicyFollower follower;
  private final Executor management;
  private final BiConsumer<Answer, ChangeShare> answers;
  private @Nullable ChangeModule machine;
  private ChangeShare before = ChangeShare.NONE;
  private int epoch;
  private @Nullable DistributionTable now;
  private @Nullable DistributionTable next;

  /**
   * Makes it.
   *
   * @param management runs tasks on the thread of management
   * @param answers takes what the switch module is to know
   */
  WorkerChange(
      Life self,
      PolicyFollower follower,
      Executor management,
      BiConsumer<Answer, ChangeShare> answers) {
    this.self = self;
    this.follower = follower;
    this.management = management;
    this.answers = answers;
  }

  /** A step has come. */
  void order(ChangeOrder it) {
    if (it.order() instanceof Prepare prepare && prepare.next().epoch() != epoch) {
      epoch = prepare.next().epoch();
      machine = new ChangeModule(self, this);
      before = follower.worker().changes();
      now = follower.table(prepare.now().epoch(), 0, it.now());
      next = follower.table(epoch, prepare.now().epoch(), it.next());
    }
    ChangeModule to = machine;
    if (to != null) {
      to.order(it.order());
    }
  }

  /** Whether this worker was told to prepare for a table. */
  boolean isTo(int table) {
    return epoch == table;
  }

  @Override
  public void shards(Order order) {
    follower.worker().onOrder(order, now, next, this);
  }

  @Override
  public void answer(Answer answer) {
    answers.accept(answer, answer instanceof Done ? share() : ChangeShare.NONE);
  }

  private ChangeShare share() {
    ChangeShare now = follower.worker().changes();
    return new ChangeShare(
        now.flowsMoved() - before.flowsMoved(),
        now.flowsBroken() - before.flowsBroken(),
        now.blockedNs(),
        now.held() - before.held(),
        now.blocked());
  }

  private void later(Consumer<ChangeModule> task) {
    management.execute(
        () -> {
          ChangeModule to = machine;
          if (to != null) {
            task.accept(to);
          }
        });
  }

  @Override
  public void prepared(int shard, int epoch, boolean copied) {
    later(it -> it.prepared(shard, epoch, copied));
  }

  @Override
  public void done(int shard, int epoch) {
    later(it -> it.done(shard, epoch));
  }

  @Override
  public void missing(int epoch, ModuleId member) {
    later(it -> it.missing(epoch, member));
  }
}
