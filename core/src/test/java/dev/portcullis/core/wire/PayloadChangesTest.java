package dev.portcullis.core.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** Sequence numbers behind payload that changed its length, and the acknowledgements of them. */
class PayloadChangesTest {

  private final PayloadChanges changes = new PayloadChanges();

  private void grow(int position, int length, int by) {
    changes.add(position, length, new byte[length + by]);
  }

  @Test
  void shouldShiftWhatComesBehindTheChangeAndNotTheSegmentThatHasIt() {
    grow(1005, 19, 5);
    assertEquals(0, changes.ofSequence(900));
    assertEquals(0, changes.ofSequence(1000));
    assertEquals(5, changes.ofSequence(1026));
  }

  @Test
  void shouldAddUpChanges() {
    grow(1000, 20, 5);
    grow(2000, 20, -2);
    assertEquals(0, changes.ofSequence(1000));
    assertEquals(5, changes.ofSequence(1500));
    assertEquals(5, changes.ofSequence(2000));
    assertEquals(3, changes.ofSequence(2022));
  }

  @Test
  void shouldTakeAllShiftsOutOfAcknowledgements() {
    grow(1000, 20, 5);
    grow(2000, 20, -2);
    assertEquals(1000, changes.acknowledged(1000));
    assertEquals(1020, changes.acknowledged(1025));
    assertEquals(2000, changes.acknowledged(2005));
    assertEquals(2020, changes.acknowledged(2023));
  }

  @Test
  void shouldCountNothingOfAPartThatHasNotArrivedAsAWhole() {
    grow(1000, 20, 5);
    assertEquals(1000, changes.acknowledged(1001));
    assertEquals(1000, changes.acknowledged(1024));
  }

  @Test
  void shouldKeepTheShiftOfWhatItForgets() {
    for (int i = 0; i < 2 * PayloadChanges.MAX; i++) {
      grow(1000 * (i + 1), 20, 1);
    }
    assertEquals(PayloadChanges.MAX, changes.count());
    assertEquals(PayloadChanges.MAX, changes.ofSequence(0));
    assertEquals(2 * PayloadChanges.MAX, changes.ofSequence(1_000_000));
  }

  @Test
  void shouldWorkAcrossTheEndOfTheNumbers() {
    grow(-10, 20, 7);
    assertEquals(0, changes.ofSequence(-11));
    assertEquals(7, changes.ofSequence(12));
    assertEquals(12, changes.acknowledged(19));
    assertEquals(-10, changes.acknowledged(-10));
  }

  @Test
  void shouldGiveEveryNumberBackThatItShifts() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int position = random.nextInt();
    for (int i = 0; i < PayloadChanges.MAX; i++) {
      grow(position + 10, 20, random.nextInt(11) - 5);
      for (int at = position + 30; at < position + 60; at++) {
        assertEquals(at, changes.acknowledged(at + changes.ofSequence(at)), "seed " + seed);
      }
      position += 60;
    }
  }
}
