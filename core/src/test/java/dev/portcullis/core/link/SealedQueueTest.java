package dev.portcullis.core.link;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class SealedQueueTest {

  @Test
  void shouldKeepTheOrderWhileItGrowsAndGoesRound() {
    SealedQueue queue = new SealedQueue();
    long added = 0;
    long removed = 0;
    for (int round = 0; round < 50; round++) {
      for (int i = 0; i < 3 + round; i++) {
        queue.add().sequence = ++added;
      }
      for (int i = 0; i < 2 + round; i++) {
        assertEquals(++removed, queue.removeFirst().sequence);
      }
      assertEquals(added - removed, queue.size());
      assertEquals(removed + 1, queue.get(0).sequence);
    }
  }

  @Test
  void shouldSendOnFromWhereItIsAndAgainAfterGoingBack() {
    SealedQueue queue = new SealedQueue();
    for (int i = 1; i <= 4; i++) {
      queue.add().sequence = i;
    }
    assertEquals(1, queue.sendNext().sequence);
    assertEquals(2, queue.sendNext().sequence);
    queue.removeFirst();
    assertEquals(1, queue.sent());
    assertEquals(1, queue.goBack());
    assertTrue(queue.get(0).everSent);
    assertFalse(queue.get(1).everSent);
    assertEquals(2, queue.sendNext().sequence);
    assertEquals(3, queue.sendNext().sequence);
  }
}
