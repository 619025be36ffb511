package dev.portcullis.core.management;

import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * What a change of table was for one worker.
 *
 * @param flowsMoved flows that it gave to others
 * @param flowsBroken flows that it could not give
 * @param blockedNs the longest that packets of a class waited here for its state
 * @param held packets that waited
 * @param blocked the classes for which packets waited here, the longest first; the first {@link
 *     #MOST_CLASSES} of them
 */
public record ChangeShare(
    long flowsMoved, long flowsBroken, long blockedNs, long held, List<Blocked> blocked) {

  /** The most classes that are told of. */
  public static final int MOST_CLASSES = 64;

  /** Nothing moved and nothing waited. */
  public static final ChangeShare NONE = new ChangeShare(0, 0, 0, 0, List.of());

  /**
   * How long packets of a class waited.
   *
   * @param from number of the worker that had it
   * @param to number of the worker that has it now
   * @param lane its lane
   * @param ns from the first packet that waited on
   */
  public record Blocked(int from, int to, int lane, long ns) {}

  /** Leaves out the classes that waited least, where they are too many. */
  public ChangeShare {
    blocked =
        blocked.stream()
            .sorted(Comparator.comparingLong(Blocked::ns).reversed())
            .limit(MOST_CLASSES)
            .toList();
  }

  /** Returns what a change was for both. */
  public ChangeShare and(ChangeShare other) {
    return new ChangeShare(
        flowsMoved + other.flowsMoved,
        flowsBroken + other.flowsBroken,
        Math.max(blockedNs, other.blockedNs),
        held + other.held,
        Stream.concat(blocked.stream(), other.blocked.stream()).toList());
  }
}
