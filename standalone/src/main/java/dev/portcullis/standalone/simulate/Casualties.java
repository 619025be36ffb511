package dev.portcullis.standalone.simulate;

import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.elastic.Replication;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.standalone.simulate.ToyReplicas.Legacy;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Workers that have ended and have no successor yet: none that was told a table. When one goes on
 * from a replica, what is there is compared with what the model has: under {@code sync} all that
 * has been let go must be there, and the model forgets what has not; under {@code async} flows that
 * differ are lost, and those only. A successor that begins empty loses all.
 */
final class Casualties {

  private final Simulation gateway;
  private final Map<Life, ToyModule> dead = new LinkedHashMap<>();
  private final Map<Life, Set<Life>> guardians = new LinkedHashMap<>();
  private long takeovers;
  private long flowsLost;

  Casualties(Simulation gateway) {
    this.gateway = gateway;
  }

  /**
   * A worker's process has ended.
   *
   * @param known who had all that it had, as far as the coordinator knew
   */
  void killed(ToyModule module, Set<Life> known) {
    guardians.put(module.life(), known);
    for (ToyShard shard : module.shards()) {
      if (shard instanceof ToyWorkerShard worker) {
        worker.lose();
        dead.put(module.life(), module);
      }
    }
  }

  /** Whether a life has ended and nobody goes on from it yet. */
  boolean has(Life life) {
    return dead.containsKey(life);
  }

  /** Whether a life of a module has ended and nobody goes on from it yet. */
  boolean has(ModuleId id) {
    return !of(id).isEmpty();
  }

  /** Number of lives that went on from a replica. */
  long takeovers() {
    return takeovers;
  }

  /** Number of flows that were lost with a life. */
  long flowsLost() {
    return flowsLost;
  }

  /** A process starts as a worker, with nothing. */
  void startsEmpty(ModuleId id) {
    for (ToyModule it : of(id)) {
      Set<Life> known = guardians.getOrDefault(it.life(), Set.of());
      if (!known.isEmpty() && known.stream().allMatch(gateway::lives) && hasFlows(it)) {
        throw new Violation("I6", it + " is followed by an empty life, though " + known + " live");
      }
    }
  }

  /**
   * A worker is told its first table: it has the place of those before it.
   *
   * @param empty whether it begins with nothing
   */
  void begins(ModuleId id, boolean empty) {
    for (ToyModule it : of(id)) {
      dead.remove(it.life());
      if (empty) {
        loseAll(it);
      }
    }
  }

  private List<ToyModule> of(ModuleId id) {
    return dead.values().stream().filter(it -> it.life().module().equals(id)).toList();
  }

  private boolean hasFlows(ToyModule module) {
    for (ToyShard it : module.shards()) {
      ToyWorkerShard shard = (ToyWorkerShard) it;
      for (Entry entry : shard.owned()) {
        Flow flow = gateway.traffic().flow(entry.flow);
        boolean lives = flow != null && !flow.lost;
        if (lives && shard.standing(entry.key) == ToyWorkerShard.Standing.HERE) {
          return true;
        }
      }
    }
    return false;
  }

  private void loseAll(ToyModule module) {
    for (ToyShard it : module.shards()) {
      ToyWorkerShard shard = (ToyWorkerShard) it;
      shard.owned().forEach(entry -> lose(entry.flow));
    }
  }

  private void lose(long flow) {
    flowsLost += gateway.traffic().lose(flow) ? 1 : 0;
  }

  /** A worker goes on from replicas of its shards, in order. */
  void goesOn(Life life, List<Legacy> legacies) {
    ToyModule module = dead.get(life);
    if (module == null) {
      throw new Violation("I1", life + " has a successor while it lives");
    }
    takeovers++;
    for (ToyShard it : module.shards()) {
      ToyWorkerShard shard = (ToyWorkerShard) it;
      Map<Long, Entry> replica = legacies.get(shard.id().shard()).entries();
      List<Entry> all = new ArrayList<>(replica.values());
      shard.owned().forEach(all::add);
      Set<Long> done = new LinkedHashSet<>();
      for (Entry entry : all) {
        if (done.add(entry.key) && shard.owns(entry.key)) {
          compare(shard, entry, replica);
        }
      }
    }
  }

  private void compare(ToyWorkerShard shard, Entry entry, Map<Long, Entry> replica) {
    Flow flow = gateway.traffic().flow(entry.flow);
    if (flow == null || flow.lost) {
      return;
    }
    boolean first = entry.key == flow.key;
    if (!first && entry.key != flow.translatedKey()) {
      return;
    }
    switch (shard.standing(entry.key)) {
      case ELSEWHERE -> {}
      case UNKNOWN -> lose(flow.id);
      case HERE -> compare(flow, first, entry.key, replica);
    }
  }

  private void compare(Flow flow, boolean first, long key, Map<Long, Entry> replica) {
    Entry model = first ? flow.entry : flow.path;
    Entry there = replica.get(key);
    boolean open = first ? flow.open : flow.pathOpen;
    boolean same = there == null ? !open : open && there.same(model);
    if (same) {
      return;
    }
    if (gateway.plan().replication() == Replication.ASYNC) {
      lose(flow.id);
      return;
    }
    int requests = there == null ? 0 : there.lastRequest;
    int replies = there == null ? 0 : there.lastReply;
    boolean missing =
        there == null
            ? !model.closedOut && model.lastRequestOut + model.lastReplyOut > 0
            : model.closedOut || requests < model.lastRequestOut || replies < model.lastReplyOut;
    if (missing) {
      throw new Violation(
          "I6", "of flow " + flow.id + " " + model + " was let go, and the replica has " + there);
    }
    model.back(there);
    if (first) {
      flow.open = there != null;
      flow.binding = there == null ? 0 : there.binding;
      flow.entry.binding = flow.binding;
    } else {
      flow.pathOpen = there != null;
    }
  }
}
