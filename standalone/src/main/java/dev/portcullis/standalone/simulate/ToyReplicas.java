package dev.portcullis.standalone.simulate;

import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.elastic.Replica;
import dev.portcullis.core.elastic.ReplicaMessage;
import dev.portcullis.core.elastic.ReplicaMessage.ClassRecord;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The replicas that a shard of a toy worker has, of shards of others. */
final class ToyReplicas {

  /** What a successor of a shard begins with. */
  record Legacy(Map<Long, Entry> entries, List<ClassRecord> records) {}

  private static final class Kept implements Replica.Store {
    final Map<Long, Entry> entries = new LinkedHashMap<>();
    final Replica replica = new Replica(this);

    @Override
    public void clear() {
      entries.clear();
    }

    @Override
    public void install(Object coming) {
      for (Object it : (List<?>) coming) {
        Entry entry = (Entry) it;
        if (entry.removed) {
          entries.remove(entry.key);
        } else {
          entries.put(entry.key, entry);
        }
      }
    }
  }

  private final ToyModule module;
  private final Map<Life, Map<Integer, Kept>> kept = new LinkedHashMap<>();

  ToyReplicas(ToyModule module) {
    this.module = module;
  }

  /** Takes what a shard replicates; false: it is not acknowledged. */
  boolean take(ToyShard from, ReplicaMessage message) {
    Life of = from.life();
    int shard = from.id().shard();
    Kept it =
        kept.computeIfAbsent(of, any -> new LinkedHashMap<>())
            .computeIfAbsent(shard, any -> new Kept());
    boolean before = it.replica.isFull();
    if (!it.replica.take(message)) {
      return false;
    }
    boolean full = it.replica.isFull();
    if (full != before) {
      module.later(() -> module.machine().replica(of, shard, full));
    }
    return true;
  }

  /** A life that ended goes on here: nothing of it is taken any more. */
  void takeOver(Life of) {
    Map<Integer, Kept> shards = kept.getOrDefault(of, Map.of());
    shards.forEach(
        (shard, it) -> {
          if (it.replica.seal()) {
            Legacy legacy = new Legacy(it.entries, it.replica.records());
            module.later(() -> module.sealed(of, shard, legacy));
          }
        });
  }

  /** A life has another in its place, or will have none. */
  void ended(Life of) {
    kept.remove(of);
  }
}
