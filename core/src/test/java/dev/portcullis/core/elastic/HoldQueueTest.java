package dev.portcullis.core.elastic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class HoldQueueTest {

  @Test
  void shouldGiveBackPacketsInOrderWhileOthersComeAndTheRingGrows() {
    HoldQueue queue = new HoldQueue(2, 1 << 20, 1_000);
    long offered = 0;
    long taken = 0;
    for (int round = 0; round < 50; round++) {
      for (int i = 0; i < 20; i++) {
        assertTrue(queue.offer(1, offered++, 10, 0));
      }
      for (int i = 0; i < 13; i++) {
        assertEquals(taken++, queue.take(1));
      }
    }
    while (queue.count(1) > 0) {
      assertEquals(taken++, queue.take(1));
    }
    assertEquals(offered, taken);
    assertEquals(0, queue.bytes());
  }

  @Test
  void shouldRefuseTheNewestBeyondItsBytesOverAllClasses() {
    HoldQueue queue = new HoldQueue(2, 100, 1_000);
    assertTrue(queue.offer(0, 1, 60, 0));
    assertFalse(queue.offer(1, 2, 41, 0));
    assertTrue(queue.offer(1, 3, 40, 0));
    queue.take(0);
    assertTrue(queue.offer(1, 4, 60, 0));
  }

  @Test
  void shouldRefuseTheNewestWhenTheOldestOfItsClassHasWaitedTooLong() {
    HoldQueue queue = new HoldQueue(2, 100, 1_000);
    assertTrue(queue.offer(0, 1, 1, 0));
    assertTrue(queue.offer(0, 2, 1, 1_000));
    assertFalse(queue.offer(0, 3, 1, 1_001));
    assertTrue(queue.offer(1, 4, 1, 1_001));
  }
}
