package dev.portcullis.standalone.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ReadingTest {

  @Test
  void shouldReadTheLineThatItWrites() {
    Reading reading = new Reading(123, 45, 6789, 10);
    assertEquals(reading, Reading.parse(reading.line()));
  }

  @Test
  void shouldGiveRatesPerSecondOfTheChildsClock() {
    Reading start = new Reading(1_000_000_000, 100, 5_000, 0);
    Reading end = new Reading(3_000_000_000L, 300, 9_000, 0);
    assertEquals(100, end.packetsPerSecond(start));
    assertEquals(2000, end.bytesPerSecond(start));
  }

  @Test
  void shouldCountWhatAllThreadsAllocate() throws Exception {
    Reading before = Reading.now(0, 0);
    byte[][] kept = new byte[1][];
    Thread other = Thread.ofPlatform().start(() -> kept[0] = new byte[1 << 20]);
    other.join();
    Reading after = Reading.now(0, kept[0].length);
    assertTrue(after.allocatedBytes() - before.allocatedBytes() >= 1 << 20);
  }
}
