package dev.portcullis.worker.flow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class PathTableTest {

  private static final long SECOND = 1_000_000_000L;
  private static final long TIMEOUT = 100 * SECOND;
  private static final long START = 1_700_000_000L * SECOND + 12_345;

  private final PathTable paths = new PathTable(TIMEOUT, 1024);
  private final Tuple tuple = new Tuple();

  @Test
  void shouldKeepARecordForItsTimeoutAndLittleLonger() {
    put(START);
    assertTrue(find(START + TIMEOUT) >= 0);
    put(START);
    assertEquals(-1, find(START + 2 * TIMEOUT + TIMEOUT / 32));
  }

  @Test
  void shouldBeTheSameWhetherARecordIsPutOnceOrOftenInAUnit() {
    long unit = paths.unit(START);
    long last = START;
    while (paths.unit(last + SECOND / 10) == unit) {
      last += SECOND / 10;
    }
    assertNotEquals(START, last);
    put(START);
    put(last);
    PathTable once = new PathTable(TIMEOUT, 1024);
    tuple.set(0, 1, 0, 2, 3);
    once.put(tuple, 0, 0, 0, 9, START);
    for (long after = TIMEOUT; after < TIMEOUT + TIMEOUT / 16; after += SECOND / 10) {
      boolean here = find(START + after) >= 0;
      assertEquals(here, once.find(tuple, tuple.hash(), START + after) >= 0);
      if (!here) {
        return;
      }
      // a search puts the timeout off: begin again
      paths.remove(find(START));
      once.remove(once.find(tuple, tuple.hash(), START));
      put(START);
      put(last);
      once.put(tuple, 0, 0, 0, 9, START);
    }
  }

  @Test
  void shouldHaveNoUnitThatIsZero() {
    assertNotEquals(0, paths.unit(0));
    assertNotEquals(0, paths.unit(-1));
    assertEquals(paths.unit(0), paths.unit(1));
  }

  @Test
  void shouldTakeOutOldRecordsAtOnceWhereNewOnesDoNot() {
    paths.inPassing(false);
    put(START);
    for (int i = 0; i < 10; i++) {
      tuple.set(0, 5, 0, i, 3);
      assertTrue(paths.put(tuple, 0, 0, 0, 9, START + 3 * TIMEOUT));
    }
    assertEquals(11, paths.size());
    paths.expire(START + 3 * TIMEOUT);
    assertEquals(10, paths.size());
  }

  @Test
  void shouldTakeOutNothingForARecordThatMovesIn() {
    put(START);
    PathTable elsewhere = new PathTable(TIMEOUT, 1024);
    long[] words = new long[PathTable.RECORD_WORDS];
    for (int i = 0; i < 10; i++) {
      tuple.set(0, 5, 0, i, 3);
      elsewhere.put(tuple, 0, 0, 0, 9, START + 3 * TIMEOUT);
      int record = elsewhere.find(tuple, tuple.hash(), START + 3 * TIMEOUT);
      for (int word = 0; word < words.length; word++) {
        words[word] = elsewhere.word(record, word);
      }
      assertTrue(paths.install(tuple, words, 0));
    }
    assertTrue(find(START) >= 0);
  }

  private void put(long nowNs) {
    tuple.set(0, 1, 0, 2, 3);
    assertTrue(paths.put(tuple, 0, 0, 0, 9, nowNs));
  }

  private int find(long nowNs) {
    tuple.set(0, 1, 0, 2, 3);
    return paths.find(tuple, tuple.hash(), nowNs);
  }
}
