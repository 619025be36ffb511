package dev.portcullis.core.elastic;

/**
 * The unit that moves: all keys of a lane that worker {@code from} owns under a table and worker
 * {@code to} under the next.
 *
 * @param from number of the worker that gives
 * @param to number of the worker that takes
 * @param lane 0 to the number of lanes - 1
 */
public record KeyClass(int from, int to, int lane) {

  /** Returns for example {@code 0>2/7}. */
  @Override
  public String toString() {
    return from + ">" + to + "/" + lane;
  }
}
