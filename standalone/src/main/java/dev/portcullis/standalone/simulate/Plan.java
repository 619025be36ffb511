package dev.portcullis.standalone.simulate;

import dev.portcullis.core.elastic.Replication;
import dev.portcullis.core.elastic.Timing;
import dev.portcullis.standalone.simulate.Happening.Kind;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * What an episode is like. Each seed gives another mixture: how many of what, how slow, which
 * faults and how often.
 *
 * @param seed of all chance in the episode
 * @param durationNs after which nothing happens any more; then all must come to rest
 * @param workers that there can be
 * @param ios that there are
 * @param shards of a worker, at most
 * @param lanes of the gateway
 * @param flows open at a time
 * @param gapNs mean time between packets of a flow
 * @param delayNs of a channel, about
 * @param entryBytes what an entry counts as in copies
 * @param holdBytes bound of the hold queues of a shard
 * @param replication what a killed worker takes along
 * @param releaseBytes bound of the release queue of a shard
 * @param timing what the machines wait for
 * @param happenings the schedule
 */
record Plan(
    long seed,
    long durationNs,
    int workers,
    int ios,
    int shards,
    int lanes,
    int flows,
    long gapNs,
    long delayNs,
    int entryBytes,
    long holdBytes,
    Replication replication,
    long releaseBytes,
    Timing timing,
    List<Happening> happenings) {

  /** The most workers that there can be, and the most IO modules. */
  static final int MODULES = 6;

  /** The most shards of a worker. */
  static final int SHARDS = 2;

  private static final long MS = Clockwork.MS;

  /** Returns the plan of a seed. */
  static Plan of(long seed, long durationNs) {
    SplittableRandom random = new SplittableRandom(seed);
    int workers = 2 + random.nextInt(MODULES - 1);
    long scaleEveryNs = (20 + random.nextLong(3_000)) * MS;
    Map<Kind, Long> every = new EnumMap<>(Kind.class);
    every.put(Kind.SCALE, scaleEveryNs);
    for (Kind kind : Kind.values()) {
      if (kind != Kind.SCALE && random.nextBoolean()) {
        every.put(kind, (200 + random.nextLong(10_000)) * MS);
      }
    }
    List<Happening> happenings = new ArrayList<>();
    every.forEach(
        (kind, ns) -> {
          long at = random.nextLong(2 * ns);
          while (at < durationNs) {
            happenings.add(happening(kind, at, workers, random));
            at += 1 + random.nextLong(2 * ns);
          }
        });
    happenings.sort(java.util.Comparator.comparingLong(Happening::atNs));
    return new Plan(
        seed,
        durationNs,
        workers,
        2 + random.nextInt(2),
        1 + random.nextInt(SHARDS),
        1 << random.nextInt(4),
        5 + random.nextInt(40),
        (1 + random.nextLong(200)) * MS,
        (20 + random.nextLong(random.nextBoolean() ? 200 : 5_000)) * Clockwork.US,
        1 << 10 + random.nextInt(9),
        random.nextInt(8) == 0 ? 5_000 : 64 << 20,
        Replication.values()[random.nextInt(3)],
        random.nextInt(8) == 0 ? 20_000 : 16 << 20,
        Timing.DEFAULT,
        happenings);
  }

  private static Happening happening(Kind kind, long at, int workers, SplittableRandom random) {
    int which = random.nextInt(1 << 16);
    long duration = 0;
    switch (kind) {
      case SCALE -> which = 1 + random.nextInt((1 << workers) - 1);
      case PAUSE, CUT -> duration = random.nextLong((random.nextInt(10) == 0 ? 8_000 : 150) * MS);
      case BREAK, SWITCH -> duration = random.nextLong((random.nextInt(10) == 0 ? 2_000 : 50) * MS);
      default -> {}
    }
    return new Happening(at, kind, which, duration);
  }

  /** Returns the same plan with another schedule. */
  Plan with(List<Happening> other) {
    return with(replication, List.copyOf(other));
  }

  /** Returns the same plan with another replication. */
  Plan with(Replication other) {
    return with(other, happenings);
  }

  private Plan with(Replication kind, List<Happening> schedule) {
    return new Plan(
        seed,
        durationNs,
        workers,
        ios,
        shards,
        lanes,
        flows,
        gapNs,
        delayNs,
        entryBytes,
        holdBytes,
        kind,
        releaseBytes,
        timing,
        schedule);
  }

  /** Number of changes of the wanted workers. */
  long scaleEvents() {
    return happenings.stream().filter(it -> it.kind() == Kind.SCALE).count();
  }
}
