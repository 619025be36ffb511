package dev.portcullis.worker.flow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.distribution.Lanes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

class TupleClaimsTest {

  private static final long REST = TupleClaims.QUARANTINE_NS;

  @Test
  void shouldGiveATupleToOneLane() {
    TupleClaims claims = new TupleClaims(1000);
    assertTrue(claims.claim(7, 1, 0));
    assertFalse(claims.claim(7, 2, 0));
    assertTrue(claims.claim(7, 1, 0), "the same lane asks its own flows");
    assertEquals(1, claims.lane(7));
    assertEquals(-1, claims.lane(8));
  }

  @Test
  void shouldLetATupleRestBeforeAnotherLaneHasIt() {
    TupleClaims claims = new TupleClaims(1000);
    claims.claim(7, 1, 0);
    claims.end(7, 2, 0);
    assertFalse(claims.claim(7, 2, REST), "not its own to end");
    claims.end(7, 1, 5);
    assertFalse(claims.claim(7, 2, 5 + REST - 1));
    assertTrue(claims.claim(7, 2, 5 + REST));
    assertFalse(claims.claim(7, 1, 5 + REST));
  }

  @Test
  void shouldRefuseWhenItIsFullAndForgetWhatEndedLongAgo() {
    TupleClaims claims = new TupleClaims(1000);
    int taken = 0;
    for (int i = 1; i <= 10_000; i++) {
      taken += claims.claim(Lanes.mix(i), 1, 0) ? 1 : 0;
    }
    assertEquals(1000, taken);
    for (int i = 1; i <= 10_000; i++) {
      claims.end(Lanes.mix(i), 1, 0);
    }
    int again = 0;
    for (int i = 10_001; i <= 10_200; i++) {
      again += claims.claim(Lanes.mix(i), 2, 2 * REST) ? 1 : 0;
    }
    assertEquals(200, again);
  }

  @Test
  void shouldGiveATupleToOneOfManyThreads() throws InterruptedException {
    TupleClaims claims = new TupleClaims(100_000);
    AtomicIntegerArray holders = new AtomicIntegerArray(64);
    AtomicInteger twice = new AtomicInteger();
    List<Thread> threads = new ArrayList<>();
    for (int lane = 0; lane < 4; lane++) {
      int own = lane;
      threads.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    for (int i = 0; i < 50_000; i++) {
                      // time goes by so fast that claims are forgotten as well
                      long nowNs = i * REST;
                      int tuple = (i * 7 + own) % holders.length();
                      if (claims.claim(Lanes.mix(tuple), own, nowNs)) {
                        twice.addAndGet(holders.incrementAndGet(tuple) - 1);
                        holders.decrementAndGet(tuple);
                        claims.end(Lanes.mix(tuple), own, nowNs - 3 * REST);
                      }
                    }
                  }));
    }
    for (Thread it : threads) {
      it.join();
    }
    assertEquals(0, twice.get());
  }

  @Test
  void shouldAgreeWithAMap() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    TupleClaims claims = new TupleClaims(100_000);
    Map<Long, Integer> lanes = new HashMap<>();
    Map<Long, Long> ends = new HashMap<>();
    long nowNs = 0;
    for (int i = 0; i < 200_000; i++) {
      nowNs += random.nextLong(REST / 50);
      long hash = Lanes.mix(random.nextInt(3000));
      int lane = random.nextInt(16);
      Integer holder = lanes.get(hash);
      if (random.nextInt(3) == 0) {
        claims.end(hash, lane, nowNs);
        if (holder != null && holder == lane) {
          ends.put(hash, nowNs);
        }
      } else {
        Long end = ends.get(hash);
        boolean free = holder == null || holder == lane || end != null && nowNs - end >= REST;
        assertEquals(free, claims.claim(hash, lane, nowNs), "seed " + seed);
        if (free) {
          lanes.put(hash, lane);
          ends.remove(hash);
        }
      }
    }
  }
}
