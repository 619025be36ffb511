package dev.portcullis.core.management;

import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.elastic.ControlMessage.Abort;
import dev.portcullis.core.elastic.ControlMessage.Answer;
import dev.portcullis.core.elastic.ControlMessage.Commit;
import dev.portcullis.core.elastic.ControlMessage.Done;
import dev.portcullis.core.elastic.ControlMessage.Generation;
import dev.portcullis.core.elastic.ControlMessage.Gone;
import dev.portcullis.core.elastic.ControlMessage.Guard;
import dev.portcullis.core.elastic.ControlMessage.Guarded;
import dev.portcullis.core.elastic.ControlMessage.Guarding;
import dev.portcullis.core.elastic.ControlMessage.Missing;
import dev.portcullis.core.elastic.ControlMessage.Prepare;
import dev.portcullis.core.elastic.ControlMessage.Prepared;
import dev.portcullis.core.elastic.ControlMessage.Retire;
import dev.portcullis.core.elastic.ControlMessage.Takeover;
import dev.portcullis.core.elastic.Members;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.management.proto.Blocked;
import dev.portcullis.core.management.proto.ChangeAnswer;
import dev.portcullis.core.management.proto.Directive;
import dev.portcullis.core.management.proto.Life;
import dev.portcullis.core.management.proto.ModuleReport;
import dev.portcullis.core.management.proto.Share;
import dev.portcullis.core.management.proto.Table;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Steps of a change of table, and the answers to them, to and from {@code management.proto}. */
public final class ChangeWire {

  private ChangeWire() {}

  /**
   * Returns the message of a step.
   *
   * @throws IllegalArgumentException for a step that does not travel
   */
  public static Directive encode(ChangeOrder it) {
    dev.portcullis.core.management.proto.ChangeOrder.Builder order =
        dev.portcullis.core.management.proto.ChangeOrder.newBuilder().setTerm(it.order().term());
    switch (it.order()) {
      case Prepare prepare ->
          order.setPrepare(
              dev.portcullis.core.management.proto.Prepare.newBuilder()
                  .setNow(encode(prepare.now(), it.now()))
                  .setNext(encode(prepare.next(), it.next())));
      case Commit commit -> order.setCommit(commit.epoch());
      case Abort abort -> order.setAbort(abort.epoch());
      case Retire retire -> order.setRetire(retire.epoch());
      case Generation generation -> {
        dev.portcullis.core.management.proto.Generation.Builder of =
            dev.portcullis.core.management.proto.Generation.newBuilder()
                .setEnded(encode(generation.ended()));
        dev.portcullis.core.elastic.Life successor = generation.successor();
        if (successor != null) {
          of.setSuccessor(encode(successor));
        }
        order.setGeneration(of);
      }
      case Guard guard -> order.setGuard(encode(guard.guardian()));
      case Guarded guarded -> order.setGuarded(encode(guarded.guardian()));
      case Takeover takeover -> order.setTakeover(encode(takeover.of()));
      case Gone gone -> order.setGone(encode(gone.life()));
      default -> throw new IllegalArgumentException("no such step travels: " + it.order());
    }
    return Directive.newBuilder().setOrder(order).build();
  }

  private static Table encode(Members members, List<Member> workers) {
    Table.Builder table = Table.newBuilder().setEpoch(members.epoch());
    workers.forEach(it -> table.addWorkers(ManagementWire.encode(it)));
    members.lives().stream().filter(it -> !it.isWorker()).forEach(it -> table.addIo(encode(it)));
    return table.build();
  }

  static Life encode(dev.portcullis.core.elastic.Life it) {
    return Life.newBuilder()
        .setKind(it.module().kind().code())
        .setNumber(it.module().number())
        .setGeneration(it.generation())
        .setShards(it.shards())
        .build();
  }

  /**
   * Reads a step.
   *
   * @throws IllegalArgumentException where it contradicts itself
   */
  public static ChangeOrder decode(dev.portcullis.core.management.proto.ChangeOrder it) {
    long term = it.getTerm();
    return switch (it.getOrderCase()) {
      case PREPARE -> {
        Table now = it.getPrepare().getNow();
        Table next = it.getPrepare().getNext();
        yield new ChangeOrder(
            new Prepare(term, members(now), members(next)), workers(now), workers(next));
      }
      case COMMIT -> ChangeOrder.of(new Commit(term, it.getCommit()));
      case ABORT -> ChangeOrder.of(new Abort(term, it.getAbort()));
      case RETIRE -> ChangeOrder.of(new Retire(term, it.getRetire()));
      case GENERATION ->
          ChangeOrder.of(
              new Generation(
                  term,
                  life(it.getGeneration().getEnded()),
                  it.getGeneration().hasSuccessor()
                      ? life(it.getGeneration().getSuccessor())
                      : null));
      case GUARD -> ChangeOrder.of(new Guard(term, life(it.getGuard())));
      case GUARDED -> ChangeOrder.of(new Guarded(term, life(it.getGuarded())));
      case TAKEOVER -> ChangeOrder.of(new Takeover(term, life(it.getTakeover())));
      case GONE -> ChangeOrder.of(new Gone(term, life(it.getGone())));
      case ORDER_NOT_SET ->
          throw new IllegalArgumentException("a step of a change says what is to be done");
    };
  }

  private static List<Member> workers(Table table) {
    return table.getWorkersList().stream().map(ManagementWire::decode).toList();
  }

  private static Members members(Table table) {
    List<dev.portcullis.core.elastic.Life> lives = new ArrayList<>();
    for (Member it : workers(table)) {
      lives.add(life(it));
    }
    table.getIoList().forEach(it -> lives.add(life(it)));
    return new Members(table.getEpoch(), lives);
  }

  /** Returns the life of a worker that a table names. */
  public static dev.portcullis.core.elastic.Life life(Member it) {
    return new dev.portcullis.core.elastic.Life(
        ModuleId.worker(it.number()), it.generation(), it.shards());
  }

  static dev.portcullis.core.elastic.Life life(Life it) {
    return new dev.portcullis.core.elastic.Life(
        ManagementWire.module(it.getKind(), it.getNumber()), it.getGeneration(), it.getShards());
  }

  /**
   * Returns the report that carries an answer.
   *
   * @param share what the change was for the module, if it is a worker and {@code it} is done
   */
  public static ModuleReport encode(Answer it, ChangeShare share) {
    ChangeAnswer.Builder answer = ChangeAnswer.newBuilder();
    switch (it) {
      case Prepared prepared -> answer.setEpoch(prepared.epoch()).setPrepared(prepared.copied());
      case Done done ->
          answer
              .setEpoch(done.epoch())
              .setDone(true)
              .setShare(
                  Share.newBuilder()
                      .setFlowsMoved(share.flowsMoved())
                      .setFlowsBroken(share.flowsBroken())
                      .setBlockedNs(share.blockedNs())
                      .setHeld(share.held())
                      .addAllBlocked(share.blocked().stream().map(ChangeWire::encode).toList()));
      case Missing missing ->
          answer
              .setEpoch(missing.epoch())
              .setMissing(
                  Life.newBuilder()
                      .setKind(missing.member().kind().code())
                      .setNumber(missing.member().number()));
      case Guarding guarding ->
          answer.setGuarding(
              dev.portcullis.core.management.proto.Guarding.newBuilder()
                  .setOf(encode(guarding.of()))
                  .setFull(guarding.full()));
      default -> throw new IllegalArgumentException("no such answer travels: " + it);
    }
    return ModuleReport.newBuilder().setAnswer(answer).build();
  }

  /** Reads what a change was for the module that answers. */
  public static ChangeShare share(ChangeAnswer it) {
    Share share = it.getShare();
    return new ChangeShare(
        Math.max(0, share.getFlowsMoved()),
        Math.max(0, share.getFlowsBroken()),
        Math.max(0, share.getBlockedNs()),
        Math.max(0, share.getHeld()),
        share.getBlockedList().stream()
            .limit(ChangeShare.MOST_CLASSES)
            .map(
                of ->
                    new ChangeShare.Blocked(
                        of.getFrom(), of.getTo(), of.getLane(), Math.max(0, of.getNs())))
            .toList());
  }

  private static Blocked encode(ChangeShare.Blocked it) {
    return Blocked.newBuilder()
        .setFrom(it.from())
        .setTo(it.to())
        .setLane(it.lane())
        .setNs(it.ns())
        .build();
  }

  /**
   * Reads an answer.
   *
   * @param from who has said it
   * @return null where it says nothing
   * @throws IllegalArgumentException for a module that cannot be
   */
  public static @Nullable Answer decode(dev.portcullis.core.elastic.Life from, ChangeAnswer it) {
    return switch (it.getAnswerCase()) {
      case PREPARED -> new Prepared(from, it.getEpoch(), it.getPrepared());
      case DONE -> new Done(from, it.getEpoch());
      case MISSING ->
          new Missing(
              from,
              it.getEpoch(),
              ManagementWire.module(it.getMissing().getKind(), it.getMissing().getNumber()));
      case GUARDING ->
          new Guarding(from, life(it.getGuarding().getOf()), it.getGuarding().getFull());
      case ANSWER_NOT_SET -> null;
    };
  }
}
