package dev.portcullis.core.elastic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ReleaseQueueTest {

  @Test
  void shouldGiveBackInOrderWhileOthersComeAndTheRingGrows() {
    ReleaseQueue queue = new ReleaseQueue(1 << 20);
    long offered = 0;
    long taken = 0;
    for (int round = 0; round < 50; round++) {
      for (int i = 0; i < 20; i++) {
        assertTrue(queue.offer(offered++, 10, round));
      }
      for (int i = 0; i < 13; i++) {
        assertEquals(taken++, queue.take());
      }
    }
    while (!queue.isEmpty()) {
      assertEquals(taken++, queue.take());
    }
    assertEquals(offered, taken);
    assertEquals(0, queue.bytes());
  }

  @Test
  void shouldNotBeDueBeforeTheNumberOfTheOldestIsReplicated() {
    ReleaseQueue queue = new ReleaseQueue(100);
    queue.offer(1, 10, 7);
    assertFalse(queue.isDue(6));
    assertTrue(queue.isDue(7));
  }

  @Test
  void shouldKeepBackWhatIsDueBehindWhatIsNot() {
    ReleaseQueue queue = new ReleaseQueue(100);
    queue.offer(1, 10, 7);
    queue.offer(2, 10, 0);
    assertFalse(queue.isDue(6));
    assertEquals(1, queue.take());
    assertTrue(queue.isDue(6));
  }

  @Test
  void shouldRefuseTheNewestPacketBeyondItsBytes() {
    ReleaseQueue queue = new ReleaseQueue(100);
    assertTrue(queue.offer(1, 60, 1));
    assertFalse(queue.offer(2, 41, 1));
    assertTrue(queue.offer(3, 40, 1));
    assertEquals(1, queue.take());
    assertEquals(3, queue.take());
    assertTrue(queue.isEmpty());
  }

  @Test
  void shouldNeverRefuseAMessageOfAChange() {
    ReleaseQueue queue = new ReleaseQueue(100);
    assertTrue(queue.offer(1, 100, 1));
    assertTrue(queue.offer(2, 0, 1));
    assertEquals(100, queue.bytes());
  }

  @Test
  void shouldNeverBeDueWhenNothingWaits() {
    ReleaseQueue queue = new ReleaseQueue(100);
    assertFalse(queue.isDue(Long.MAX_VALUE));
    queue.offer(1, 10, 0);
    queue.take();
    assertFalse(queue.isDue(Long.MAX_VALUE));
  }
}
