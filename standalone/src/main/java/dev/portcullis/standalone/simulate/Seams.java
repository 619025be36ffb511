package dev.portcullis.standalone.simulate;

import dev.portcullis.core.elastic.ChangeCoordinator;
import dev.portcullis.core.elastic.ChangeModule;
import dev.portcullis.core.elastic.ChangeWorker;
import dev.portcullis.core.elastic.ControlMessage.Answer;
import dev.portcullis.core.elastic.ControlMessage.Order;
import dev.portcullis.core.elastic.ReplicaMessage;
import dev.portcullis.core.elastic.ReplicaMessage.ClassRecord;
import dev.portcullis.core.elastic.ShardId;
import dev.portcullis.core.elastic.ShardMessage;
import java.util.List;

/**
 * The places between the machines and their world. As it is, everything passes unchanged; tests
 * break the protocol here, and want it noticed.
 */
class Seams {

  /** What a worker's machine does goes through here. */
  ChangeWorker.Actions worker(ToyWorkerShard shard, ChangeWorker.Actions actions) {
    return actions;
  }

  /** A message of a change arrives at a worker. */
  void arrived(ChangeWorker worker, ToyWorkerShard shard, ShardId from, ShardMessage message) {
    worker.arrived(from, message);
  }

  /** A channel from a new life is open. */
  void opened(ChangeWorker worker, ShardId from, int epoch, boolean empty) {
    worker.opened(from, epoch, empty);
  }

  /** A worker was told to switch. */
  void commit(ChangeWorker worker, ToyWorkerShard shard) {
    worker.commit();
  }

  /** What becomes of a packet. */
  int admit(ToyWorkerShard shard, int verdict) {
    return verdict;
  }

  /** Epoch that a packet carries to the next worker. */
  int epochOf(ToyWorkerShard shard, int arrivedUnder) {
    return shard.epoch();
  }

  /** An order reaches a module. */
  boolean order(ChangeModule module, Order order) {
    return module.order(order);
  }

  /** An answer of a module reaches a coordinator. */
  void answer(ChangeCoordinator coordinator, Answer answer) {
    coordinator.answer(answer);
  }

  /** Whether a port takes packets in. */
  boolean mayTakeIn(boolean may) {
    return may;
  }

  /** Whether nothing of a life is taken any more. */
  boolean refuses(boolean ended) {
    return ended;
  }

  /** Whether a process begins as a worker whose earlier life has ended. */
  boolean begins(boolean may) {
    return may;
  }

  /** A worker goes on in the middle of a change. */
  void resume(ChangeWorker worker, List<ClassRecord> records) {
    worker.resume(records);
  }

  /** Number that must be replicated before what a worker sends may leave. */
  long after(ToyWorkerShard shard, long position) {
    return position;
  }

  /** What a shard says to its guardian's. */
  ReplicaMessage replicates(ToyWorkerShard shard, ReplicaMessage message) {
    return message;
  }
}
