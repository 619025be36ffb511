package dev.portcullis.core.elastic;

/**
 * How long is waited for whom, in nanoseconds.
 *
 * @param prepareNs for {@code prepared}, until a joiner is left out, a slow copy not waited for, an
 *     IO module fenced
 * @param barrierNs for a barrier, until an IO module is fenced
 * @param holdNs how long packets may pile up for a class that has not come
 */
public record Timing(long prepareNs, long barrierNs, long holdNs) {

  private static final long MS = 1_000_000;

  /** What a gateway uses: 5 s, 200 ms, 1 s. */
  public static final Timing DEFAULT = new Timing(5_000 * MS, 200 * MS, 1_000 * MS);
}
