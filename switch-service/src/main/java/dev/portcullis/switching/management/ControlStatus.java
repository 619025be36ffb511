package dev.portcullis.switching.management;

import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.link.ModuleId;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What the coordinator knows at one moment. Immutable.
 *
 * @param epoch epoch of the newest table; 0: none yet
 * @param workers members of the newest table, by ascending number
 * @param attached modules that have a stream now
 * @param acknowledged the last epoch that each known module said it assigns by; 0: none
 * @param missing identification numbers of the workers that the first or next table still waits for
 */
public record ControlStatus(
    int epoch,
    List<Member> workers,
    Set<ModuleId> attached,
    Map<ModuleId, Integer> acknowledged,
    List<Integer> missing) {

  /** Copies the collections. */
  public ControlStatus {
    workers = List.copyOf(workers);
    attached = Set.copyOf(attached);
    acknowledged = Map.copyOf(acknowledged);
    missing = List.copyOf(missing);
  }

  /** Whether there is a table and every attached module assigns by the newest one. */
  public boolean settled() {
    return epoch > 0 && attached.stream().allMatch(it -> acknowledged.getOrDefault(it, 0) == epoch);
  }
}
