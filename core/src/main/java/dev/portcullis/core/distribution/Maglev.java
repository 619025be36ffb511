package dev.portcullis.core.distribution;

import java.util.Arrays;

/**
 * Slots in which one worker more, or one less, moves about as few slots as it must: Maglev's table
 * (Eisenbud and others, "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016,
 * section 3.4). Every worker has a preference order of all slots, a permutation that only its
 * identification number decides, and the workers take their best free slot in turn.
 *
 * <p>The size is one prime for every N: with a size that changed with N nearly all keys would
 * change their slot. Any two workers' shares differ by one slot at most.
 */
final class Maglev {

  /** Number of slots: a prime, so that every skip visits all of them. */
  static final int SIZE = 65_537;

  private static final long OFFSET_SALT = 0x6f66667365740001L;
  private static final long SKIP_SALT = 0x736b697000000001L;

  private Maglev() {}

  /**
   * Returns the owner of each slot; {@code numbers} are the distinct identification numbers in
   * ascending order.
   */
  static int[] slots(int[] numbers) {
    int[] next = new int[numbers.length];
    int[] skip = new int[numbers.length];
    for (int i = 0; i < numbers.length; i++) {
      next[i] = (int) Long.remainderUnsigned(Lanes.mix(numbers[i] + OFFSET_SALT), SIZE);
      skip[i] = 1 + (int) Long.remainderUnsigned(Lanes.mix(numbers[i] + SKIP_SALT), SIZE - 1);
    }
    int[] slots = new int[SIZE];
    Arrays.fill(slots, -1);
    int free = SIZE;
    while (true) {
      for (int i = 0; i < numbers.length; i++) {
        int slot = next[i];
        while (slots[slot] >= 0) {
          slot = step(slot, skip[i]);
        }
        slots[slot] = numbers[i];
        next[i] = step(slot, skip[i]);
        if (--free == 0) {
          return slots;
        }
      }
    }
  }

  private static int step(int slot, int skip) {
    int moved = slot + skip;
    return moved >= SIZE ? moved - SIZE : moved;
  }
}
