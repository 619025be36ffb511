package dev.portcullis.worker.policy;

import dev.portcullis.core.wire.Prefix;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * From an address to the set of numbers whose prefixes contain it: the prefixes cut the addresses
 * into intervals, each interval has a set ({@link SetBuilder}), a search is a binary one.
 * Immutable; any thread.
 */
public final class AddressMap {

  private static final class Family {
    long[] high = {0};
    long[] low = {0};
    long[][][] sets = {};
  }

  private record Edge(long high, long low, int number, int step) {}

  private final Family v4;
  private final Family v6;

  private AddressMap(Family v4, Family v6) {
    this.v4 = v4;
    this.v6 = v6;
  }

  /**
   * Builds a map.
   *
   * @param prefixes prefixes of each number; an empty list means every address
   */
  public static AddressMap of(List<List<Prefix>> prefixes) {
    return new AddressMap(family(prefixes, 4), family(prefixes, 6));
  }

  private static Family family(List<List<Prefix>> prefixes, int version) {
    List<Edge> edges = new ArrayList<>();
    SetBuilder active = new SetBuilder(prefixes.size());
    int[] depth = new int[prefixes.size()];
    for (int number = 0; number < depth.length; number++) {
      if (prefixes.get(number).isEmpty()) {
        active.set(number, true);
      }
      for (Prefix prefix : prefixes.get(number)) {
        if (prefix.address().version() == version) {
          edges(edges, prefix, number);
        }
      }
    }
    edges.sort(
        Comparator.comparing(Edge::high, Long::compareUnsigned)
            .thenComparing(Edge::low, Long::compareUnsigned));
    List<Edge> starts = new ArrayList<>(List.of(new Edge(0, 0, 0, 0)));
    List<long[][]> sets = new ArrayList<>();
    int next = 0;
    for (int i = 0; i < starts.size(); i++) {
      Edge start = starts.get(i);
      while (next < edges.size()
          && edges.get(next).high == start.high
          && edges.get(next).low == start.low) {
        Edge edge = edges.get(next++);
        depth[edge.number] += edge.step;
        active.set(edge.number, depth[edge.number] > 0);
      }
      sets.add(active.set());
      if (next < edges.size()) {
        starts.add(edges.get(next));
      }
    }
    Family family = new Family();
    family.high = starts.stream().mapToLong(Edge::high).toArray();
    family.low = starts.stream().mapToLong(Edge::low).toArray();
    family.sets = sets.toArray(new long[0][][]);
    return family;
  }

  private static void edges(List<Edge> edges, Prefix prefix, int number) {
    int behind = prefix.address().bits() - prefix.length();
    long lowMask = behind >= 64 ? -1L : (1L << behind) - 1;
    long highMask = behind <= 64 ? 0 : behind == 128 ? -1L : (1L << behind - 64) - 1;
    edges.add(
        new Edge(
            prefix.address().high() & ~highMask, prefix.address().low() & ~lowMask, number, 1));
    long lastHigh = prefix.address().high() | highMask;
    long lastLow = prefix.address().low() | lowMask;
    if (prefix.address().version() == 4) {
      edges.set(
          edges.size() - 1,
          new Edge(0, prefix.address().low() & ~lowMask & 0xffff_ffffL, number, 1));
      edges.add(new Edge(0, (lastLow & 0xffff_ffffL) + 1, number, -1));
    } else if (lastHigh != -1L || lastLow != -1L) {
      edges.add(new Edge(lastLow == -1L ? lastHigh + 1 : lastHigh, lastLow + 1, number, -1));
    }
  }

  /** Returns the first number whose prefixes contain this address, -1: none do. */
  public int first(int version, long addressHigh, long addressLow) {
    long[][] set = find(version, addressHigh, addressLow);
    for (int i = 0; i < set.length; i++) {
      for (int word = 0; set[i] != SetBuilder.EMPTY && word < set[i].length; word++) {
        if (set[i][word] != 0) {
          return i * SetBuilder.CHUNK_BITS + word * 64 + Long.numberOfTrailingZeros(set[i][word]);
        }
      }
    }
    return -1;
  }

  /** Returns the set of the numbers for this address; not to be changed. */
  long[][] find(int version, long addressHigh, long addressLow) {
    Family it = version == 4 ? v4 : v6;
    int first = 0;
    int last = it.low.length - 1;
    while (first < last) {
      int middle = first + last + 1 >>> 1;
      int order = Long.compareUnsigned(it.high[middle], addressHigh);
      if (order == 0) {
        order = Long.compareUnsigned(it.low[middle], addressLow);
      }
      if (order <= 0) {
        first = middle;
      } else {
        last = middle - 1;
      }
    }
    return it.sets[first];
  }
}
