package dev.portcullis.worker.policy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * From a number of 16 bits (a port; a type and code of ICMP) to the set of rules that name it.
 * Immutable; any thread.
 */
final class PortMap {

  /** Numbers {@code first} to {@code last}, both included, that a rule names. */
  record Range(int first, int last) {}

  private record Edge(int at, int rule, int step) {}

  private final int[] starts;
  private final long[][][] sets;

  private PortMap(int[] starts, long[][][] sets) {
    this.starts = starts;
    this.sets = sets;
  }

  /**
   * Builds a map.
   *
   * @param ranges what each rule names; ranges may overlap
   * @param always the rules that have every number
   */
  static PortMap of(List<List<Range>> ranges, boolean[] always) {
    List<Edge> edges = new ArrayList<>();
    int[] depth = new int[always.length];
    SetBuilder active = new SetBuilder(always.length);
    for (int rule = 0; rule < always.length; rule++) {
      if (always[rule]) {
        depth[rule] = 1;
        active.set(rule, true);
        continue;
      }
      for (Range range : ranges.get(rule)) {
        edges.add(new Edge(range.first, rule, 1));
        edges.add(new Edge(range.last + 1, rule, -1));
      }
    }
    edges.sort(Comparator.comparingInt(Edge::at));
    int[] starts = new int[edges.size() + 1];
    long[][][] sets = new long[edges.size() + 1][][];
    int count = 0;
    for (int next = 0, at = 0; next < edges.size() || count == 0; count++) {
      for (; next < edges.size() && edges.get(next).at == at; next++) {
        Edge edge = edges.get(next);
        depth[edge.rule] += edge.step;
        active.set(edge.rule, depth[edge.rule] > 0);
      }
      starts[count] = at;
      sets[count] = active.set();
      at = next < edges.size() ? edges.get(next).at : at;
    }
    return new PortMap(Arrays.copyOf(starts, count), Arrays.copyOf(sets, count));
  }

  /** Returns the set of the rules for a number; not to be changed. */
  long[][] find(int number) {
    int at = Arrays.binarySearch(starts, number);
    return sets[at >= 0 ? at : -at - 2];
  }
}
