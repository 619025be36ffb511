package dev.portcullis.core.elastic;

import dev.portcullis.core.link.ModuleId;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What the coordinator knows of replicas: who should have which, who has all of it, and which life
 * goes on from one. Thread: management.
 */
public final class Guards {

  /** Lives whose worker goes on from a replica, and the guardian that was told to. */
  private final Map<Life, Life> takeovers = new LinkedHashMap<>();

  private final Map<Life, Life> told = new HashMap<>();
  private final Map<Life, Set<Life>> full = new HashMap<>();
  private final Map<Life, Life> hosts = new HashMap<>();

  /** Guardians that a worker was given leave to dismiss, as it was told of one that has all. */
  private final Map<Life, Set<Life>> dismissed = new HashMap<>();

  /** A guardian says what it has. */
  public void guarding(Life guardian, Life of, boolean isFull) {
    Set<Life> guardians = full.computeIfAbsent(of, it -> new LinkedHashSet<>());
    if (isFull) {
      guardians.add(guardian);
      if (guardian.equals(told.get(of))) {
        dismissOthers(of, guardian);
      }
    } else {
      guardians.remove(guardian);
    }
  }

  private void dismissOthers(Life worker, Life guardian) {
    Set<Life> others = new HashSet<>(replicasOf(worker));
    others.remove(guardian);
    dismissed.put(worker, others);
  }

  /** Whether the guardian that a life was told is known to have all of it. */
  public boolean isGuarded(Life worker, Life guardian) {
    return guardian.equals(told.get(worker))
        && full.getOrDefault(worker, Set.of()).contains(guardian);
  }

  /**
   * Returns who has said that it has a full replica of a life. One that may have been dismissed
   * since is among them until it says so.
   */
  public Set<Life> replicasOf(Life of) {
    return full.getOrDefault(of, Set.of());
  }

  /** Returns who has a full replica of a life and cannot have been dismissed. */
  public Set<Life> protectorsOf(Life of) {
    Set<Life> protectors = new LinkedHashSet<>(replicasOf(of));
    protectors.removeAll(dismissed.getOrDefault(of, Set.of()));
    return protectors;
  }

  /** Returns who is to go on from a replica of a life that has ended; null: nobody can. */
  public @Nullable Life takeOver(Life ended) {
    Life guardian =
        Stream.concat(protectorsOf(ended).stream(), replicasOf(ended).stream())
            .findFirst()
            .orElse(null);
    if (guardian == null) {
      takeovers.remove(ended);
    } else {
      takeovers.put(ended, guardian);
    }
    return guardian;
  }

  /** Returns the lives that wait for a guardian to go on. */
  List<Life> takenOverBy(Life guardian) {
    return takeovers.entrySet().stream()
        .filter(it -> it.getValue().equals(guardian))
        .map(Map.Entry::getKey)
        .toList();
  }

  /** Whether a worker is about to go on from a replica. */
  public boolean isTakenOver(ModuleId worker) {
    return takeovers.keySet().stream().anyMatch(it -> it.module().equals(worker));
  }

  /** A guest goes on, in the process of another worker. */
  public void hosted(Life guest, Life host) {
    hosts.put(guest, host);
  }

  /** Whether a life is a guest. */
  public boolean isGuest(Life life) {
    return hosts.containsKey(life);
  }

  /** A life has ended, or has another in its place. */
  public void replaced(Life ended) {
    takeovers.remove(ended);
    full.remove(ended);
    hosts.remove(ended);
    told.remove(ended);
    dismissed.remove(ended);
  }

  /** A life is gone, with all the replicas that it had. */
  public void gone(Life guardian) {
    full.values().forEach(it -> it.remove(guardian));
  }

  private Life process(Life life) {
    return hosts.getOrDefault(life, life);
  }

  /**
   * Finds the guardian of each worker: the next in the ring that is in another process.
   *
   * @param workers who need one
   * @param ring who can be one
   * @return those whose guardian is another than they were told
   */
  public Map<Life, Life> changes(List<Life> workers, List<Life> ring) {
    List<Life> sorted = new ArrayList<>(ring);
    sorted.removeIf(this::isGuest);
    sorted.sort(Comparator.comparingInt(it -> it.module().number()));
    Map<Life, Life> changes = new LinkedHashMap<>();
    for (Life worker : workers) {
      Life guardian = next(sorted, worker);
      if (guardian != null && !guardian.equals(told.get(worker))) {
        told.put(worker, guardian);
        changes.put(worker, guardian);
        if (protectorsOf(worker).contains(guardian)) {
          dismissOthers(worker, guardian);
        }
      }
    }
    return changes;
  }

  private @Nullable Life next(List<Life> sorted, Life worker) {
    Life first = null;
    for (Life it : sorted) {
      if (process(it).equals(process(worker))) {
        continue;
      }
      if (it.module().number() > worker.module().number()) {
        return it;
      }
      first = first == null ? it : first;
    }
    return first;
  }
}
