package dev.portcullis.worker.flow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** What is expected, once and for a time. */
class ExpectationsTest {

  private static final long TIMEOUT = 100;

  private final Expectations expectations = new Expectations(TIMEOUT, 64);
  private final Expectations.Expected found = new Expectations.Expected();

  private static Expectations.Expected expected(int port, int lane) {
    Expectations.Expected it = new Expectations.Expected();
    it.of(4, 0, 0x0a000001, 0, 0xcb00710a, port);
    it.lane = lane;
    it.receiver = true;
    it.toLow = 0x0a000005;
    it.toPort = 4000 + port;
    it.rule = 7;
    return it;
  }

  @Test
  void shouldSayWhatIsToBeDoneAndBeUsedOnce() {
    expectations.put(expected(1, 3), 0);
    assertTrue(expectations.take(expected(1, 3).tuple, 10, found));
    assertEquals(
        "true 4001 false 7 3",
        found.receiver
            + " "
            + found.toPort
            + " "
            + found.sender
            + " "
            + found.rule
            + " "
            + found.lane);
    assertFalse(expectations.take(expected(1, 3).tuple, 10, found));
    assertEquals(0, expectations.size());
  }

  @Test
  void shouldForgetWhatDidNotCome() {
    expectations.put(expected(1, 0), 0);
    expectations.put(expected(2, 0), TIMEOUT);
    assertFalse(expectations.take(expected(1, 0).tuple, TIMEOUT + 1, found));
    expectations.expire(2 * TIMEOUT + 1);
    assertEquals(0, expectations.size());
  }

  @Test
  void shouldTakeNoMoreThanTheBoundOfALaneButRoomForWhatHasExpired() {
    for (int port = 1; port <= 4; port++) {
      assertTrue(expectations.put(expected(port, 5), 0));
    }
    assertFalse(expectations.put(expected(5, 5), 1));
    assertTrue(expectations.put(expected(5, 6), 1));
    assertTrue(expectations.put(expected(6, 5), TIMEOUT + 1));
  }

  @Test
  void shouldReplaceWhatWasExpectedUnderTheSameTuple() {
    expectations.put(expected(1, 0), 0);
    Expectations.Expected other = expected(1, 2);
    other.toPort = 99;
    expectations.put(other, 0);
    assertEquals(1, expectations.size());
    assertTrue(expectations.take(expected(1, 0).tuple, 0, found));
    assertEquals(99, found.toPort);
  }
}
