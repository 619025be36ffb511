package dev.portcullis.core.management;

/**
 * What a change of table was for one worker.
 *
 * @param flowsMoved flows that it gave to others
 * @param flowsBroken flows that it could not give
 * @param blockedNs the longest that packets of a class waited here for its state
 * @param held packets that waited
 */
public record ChangeShare(long flowsMoved, long flowsBroken, long blockedNs, long held) {

  /** Nothing moved and nothing waited. */
  public static final ChangeShare NONE = new ChangeShare(0, 0, 0, 0);

  /** Returns what a change was for both. */
  public ChangeShare and(ChangeShare other) {
    return new ChangeShare(
        flowsMoved + other.flowsMoved,
        flowsBroken + other.flowsBroken,
        Math.max(blockedNs, other.blockedNs),
        held + other.held);
  }
}
