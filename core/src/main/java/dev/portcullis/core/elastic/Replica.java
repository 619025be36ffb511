package dev.portcullis.core.elastic;

import dev.portcullis.core.elastic.ReplicaMessage.Beat;
import dev.portcullis.core.elastic.ReplicaMessage.Changes;
import dev.portcullis.core.elastic.ReplicaMessage.ClassRecord;
import dev.portcullis.core.elastic.ReplicaMessage.Dismiss;
import dev.portcullis.core.elastic.ReplicaMessage.Fill;
import dev.portcullis.core.elastic.ReplicaMessage.Full;
import java.util.ArrayList;
import java.util.List;

/**
 * What a guardian has of one shard of a worker. Until it is {@linkplain #seal sealed} it takes what
 * that shard says; from then on nothing of it is taken, nor acknowledged, and a successor may begin
 * with it.
 *
 * <p>Thread: the guardian's shard that reads the channel.
 */
public final class Replica {

  /** Where entries are kept. */
  public interface Store {

    /** Forgets everything. */
    void clear();

    /** Writes entries, in the form of {@link Journal.Cursor#export}. */
    void install(Object entries);
  }

  private final Store store;
  private final List<ClassRecord> records = new ArrayList<>();
  private int recordsEpoch;
  private boolean full;
  private boolean sealed;

  /** Makes an empty replica. */
  public Replica(Store store) {
    this.store = store;
  }

  /** Takes a message. Returns false when it is sealed: the message is not acknowledged. */
  public boolean take(ReplicaMessage message) {
    if (sealed) {
      return false;
    }
    switch (message) {
      case Fill _ -> clear();
      case Dismiss _ -> clear();
      case Full _ -> full = true;
      case Beat _ -> {}
      case Changes changes -> {
        if (changes.entries() != null) {
          store.install(changes.entries());
        }
        changes.classes().forEach(this::record);
      }
    }
    return true;
  }

  private void clear() {
    store.clear();
    records.clear();
    recordsEpoch = 0;
    full = false;
  }

  private void record(ClassRecord it) {
    if (it.epoch() > recordsEpoch) {
      recordsEpoch = it.epoch();
      records.clear();
    }
    records.add(it);
  }

  /** Whether a successor could begin with it. */
  public boolean isFull() {
    return full;
  }

  /** Takes nothing any more. Returns whether a successor can begin with it. */
  public boolean seal() {
    sealed = true;
    return full;
  }

  /** Whether it takes nothing any more. */
  public boolean isSealed() {
    return sealed;
  }

  /** Returns the steps of the newest change that the shard had written down. */
  public List<ClassRecord> records() {
    return List.copyOf(records);
  }
}
