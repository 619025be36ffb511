package dev.portcullis.worker.flow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.worker.flow.Expectations.Expected;
import org.junit.jupiter.api.Test;

/** What is expected, for a time. */
class ExpectationsTest {

  private static final long TIMEOUT = 100;

  private final Expectations expectations = new Expectations(TIMEOUT, 64);
  private final Expected found = new Expected();

  private static Expected expected(int port, int lane) {
    Expected it = new Expected();
    it.of(4, 0, 0x0a000001, 0, 0xcb00710aL, port);
    it.lane = lane;
    it.trafficClass = 0x83;
    it.vHigh = -1;
    it.vLow = 77;
    it.owner = 5;
    it.reversed = true;
    it.receiver = true;
    it.toLow = 0x0a000005;
    it.toPort = 65_535;
    return it;
  }

  @Test
  void shouldGiveBackAllThatWasPutIn() {
    expectations.put(expected(1, 15), 0);
    int entry = expectations.find(expected(1, 15).tuple, 10);
    expectations.read(entry, found);
    assertEquals(
        "15 131 -1 77 5 true true 167772165 65535 false",
        String.join(
            " ",
            found.lane + "",
            found.trafficClass + "",
            found.vHigh + "",
            found.vLow + "",
            found.owner + "",
            found.reversed + "",
            found.receiver + "",
            found.toLow + "",
            found.toPort + "",
            found.sender + ""));
    expectations.remove(entry);
    assertEquals(-1, expectations.find(expected(1, 15).tuple, 10));
    assertEquals(0, expectations.size());
  }

  @Test
  void shouldForgetWhatDidNotCome() {
    expectations.put(expected(1, 0), 0);
    expectations.put(expected(2, 0), TIMEOUT);
    assertEquals(-1, expectations.find(expected(1, 0).tuple, TIMEOUT + 1));
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
    Expected other = expected(1, 2);
    other.toPort = 99;
    expectations.put(other, 0);
    assertEquals(1, expectations.size());
    expectations.read(expectations.find(expected(1, 0).tuple, 0), found);
    assertEquals(99, found.toPort);
  }

  @Test
  void shouldWithdrawOnlyWhatAFlowItselfExpects() {
    expectations.put(expected(1, 0), 0);
    expectations.withdraw(expected(1, 0).tuple, 6);
    assertEquals(1, expectations.size());
    expectations.withdraw(expected(1, 0).tuple, 5);
    assertEquals(0, expectations.size());
  }
}
