package dev.portcullis.switching.management;

import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.link.ModuleId;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What the coordinator knows at one moment. Immutable.
 *
 * @param epoch epoch of the newest table; 0: none yet
 * @param workers members of the newest table, by ascending number
 * @param attached modules that have a stream now
 * @param acknowledged the last epoch that each known module said it assigns by; 0: none
 * @param missing identification numbers of the workers that the first or next table still waits for
 * @param joining identification numbers of workers that are there and have no place in the table
 */
public record ControlStatus(
    int epoch,
    List<Member> workers,
    Set<ModuleId> attached,
    Map<ModuleId, Integer> acknowledged,
    List<Integer> missing,
    List<Integer> joining) {

  /** Copies the collections. */
  public ControlStatus {
    workers = List.copyOf(workers);
    attached = Set.copyOf(attached);
    acknowledged = Map.copyOf(acknowledged);
    missing = List.copyOf(missing);
    joining = List.copyOf(joining);
  }

  /** Whether a module is a worker of the newest table. */
  boolean isMember(ModuleId module) {
    return isMember(workers, module);
  }

  /** Whether a module is one of these workers. */
  static boolean isMember(List<Member> workers, ModuleId module) {
    return module.kind() == ModuleId.Kind.WORKER
        && workers.stream().anyMatch(it -> it.number() == module.number());
  }

  /** Modules that are there and do not assign by the newest table. */
  private List<ModuleId> late() {
    return attached.stream()
        .filter(it -> acknowledged.getOrDefault(it, 0) != epoch)
        .sorted(Comparator.comparing(ModuleId::toString))
        .toList();
  }

  /** Returns it as a JSON object; modules as {@code worker/0}. */
  public String toJson() {
    return "{\"epoch\":"
        + epoch
        + ",\"workers\":"
        + workers.stream().map(Member::number).toList()
        + ",\"settled\":"
        + settled()
        + ",\"attached\":"
        + names(attached.stream().sorted(Comparator.comparing(ModuleId::toString)).toList())
        + ",\"late\":"
        + names(late())
        + ",\"joining\":"
        + joining
        + ",\"missing\":"
        + missing
        + "}\n";
  }

  private static String names(List<ModuleId> modules) {
    return modules.stream().map(it -> "\"" + it + "\"").collect(Collectors.joining(",", "[", "]"));
  }

  /**
   * Whether there is a table, and modules that are attached all assign by the newest one. A switch
   * that modules have left knows no table that holds.
   */
  public boolean settled() {
    return epoch > 0 && !attached.isEmpty() && late().isEmpty();
  }
}
