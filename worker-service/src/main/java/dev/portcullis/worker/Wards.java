package dev.portcullis.worker;

import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.management.Directive;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.worker.pipeline.ReplicaCopy;
import dev.portcullis.worker.pipeline.Shard;
import dev.portcullis.worker.stage.Outlets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * The workers whose replicas this one keeps: each is a worker without links, shard by shard on the
 * threads of this one, that takes entries and no packets until it goes on as the next life.
 *
 * <p>Threads: {@link #take} and {@link #answer} on that of the shard, the rest on that of
 * management.
 */
final class Wards implements Shard.Guardian {

  /** Told of replicas. Any thread. */
  interface News {

    /** A replica is full now, or is no more. */
    void full(int worker, long generation, boolean full);
  }

  /** Below the number of any table. */
  private static final int NO_TABLE = -1;

  private static final class Ward {
    final PolicyFollower follower;
    final int[] epochs;
    final boolean[] full;
    final long[] generations;
    volatile boolean begun;
    boolean said;

    Ward(PolicyFollower follower, int shards) {
      this.follower = follower;
      epochs = new int[shards];
      full = new boolean[shards];
      generations = new long[shards];
    }
  }

  private final long generation;
  private final int shards;
  private final IntFunction<Outlets> links;
  private final IntFunction<PolicyFollower> passive;
  private final News news;
  private final Map<Integer, Ward> wards = new ConcurrentHashMap<>();
  private final List<List<Integer>> spoken = new ArrayList<>();
  private volatile @Nullable DistributionTable table;

  /**
   * Makes it without a ward.
   *
   * @param generation life of this worker
   * @param links channels by shard
   * @param passive makes a worker of that number that has started and has no links
   */
  Wards(
      long generation,
      int shards,
      IntFunction<Outlets> links,
      IntFunction<PolicyFollower> passive,
      News news) {
    this.generation = generation;
    this.shards = shards;
    this.links = links;
    this.passive = passive;
    this.news = news;
    for (int i = 0; i < shards; i++) {
      spoken.add(new ArrayList<>());
    }
  }

  /** A directive has come: wards work by its policy, and know its table before the next entry. */
  void follow(Directive directive, DistributionTable next) {
    for (Ward it : wards.values()) {
      if (!it.begun) {
        it.follower.follow(directive);
      }
    }
    table = next;
  }

  /** A table holds. */
  void table(DistributionTable next) {
    table = next;
  }

  @Override
  public void take(int worker, int shard, PacketBatch batch, int i) {
    Ward ward = wards.computeIfAbsent(worker, it -> new Ward(passive.apply(it), shards));
    if (ward.begun) {
      return;
    }
    Shard to = ward.follower.worker().shards().get(shard);
    if (ward.epochs[shard] == 0) {
      ward.epochs[shard] = NO_TABLE;
      to.passive();
    }
    DistributionTable now = table;
    if (now != null && ward.epochs[shard] < now.epoch()) {
      ward.epochs[shard] = now.epoch();
      to.onTable(now);
    }
    ReplicaCopy copy = to.copy();
    copy.take(batch, i);
    if (copy.isFull() != ward.full[shard] || copy.generation() != ward.generations[shard]) {
      changed(worker, ward, shard, copy);
    }
    if (!spoken.get(shard).contains(worker)) {
      spoken.get(shard).add(worker);
    }
  }

  private void changed(int worker, Ward ward, int shard, ReplicaCopy copy) {
    synchronized (ward) {
      ward.full[shard] = copy.isFull();
      ward.generations[shard] = copy.generation();
      boolean all = true;
      for (int i = 0; i < shards; i++) {
        all &= ward.full[i] && ward.generations[i] == ward.generations[0];
      }
      if (all != ward.said) {
        ward.said = all;
        news.full(worker, copy.generation(), all);
      }
    }
  }

  @Override
  public void answer(int shard) {
    List<Integer> to = spoken.get(shard);
    for (int i = 0; i < to.size(); i++) {
      int worker = to.get(i);
      Ward ward = wards.get(worker);
      if (ward != null) {
        ward.follower
            .worker()
            .shards()
            .get(shard)
            .copy()
            .answer(links.apply(shard).to(ModuleId.worker(worker), shard), generation);
      }
    }
    to.clear();
  }

  /** Tells again which replicas are full. */
  void tellAgain() {
    wards.forEach(
        (worker, ward) -> {
          synchronized (ward) {
            if (ward.said && !ward.begun) {
              news.full(worker, ward.generations[0], true);
            }
          }
        });
  }

  /**
   * Nothing of a worker is taken any more, and what there is goes on. Waits for the shards.
   *
   * @param of generation of the life that has ended
   * @param wiring what the ward was started with
   * @return the worker, null where its replica is not full
   */
  @Nullable PolicyFollower goOn(int worker, long of, Wiring wiring) {
    Ward ward = wards.get(worker);
    if (ward == null || ward.begun) {
      return null;
    }
    List<Shard> all = ward.follower.worker().shards();
    boolean[] whole = new boolean[all.size()];
    CountDownLatch sealed = new CountDownLatch(all.size());
    for (int i = 0; i < all.size(); i++) {
      int shard = i;
      wiring.execute(
          i,
          () -> {
            ReplicaCopy copy = all.get(shard).copy();
            whole[shard] = copy.generation() == of && copy.seal();
            if (whole[shard]) {
              copy.goOn(System.currentTimeMillis() * 1_000_000L);
            }
            sealed.countDown();
          });
    }
    try {
      if (!sealed.await(5, TimeUnit.SECONDS)) {
        return null;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return null;
    }
    ward.begun = true;
    for (boolean it : whole) {
      if (!it) {
        return null;
      }
    }
    return ward.follower;
  }

  /** A ward that went on has left: what comes of it from now on is another replica. */
  void forget(int worker) {
    wards.remove(worker);
  }

  /** Workers that a replica is kept of. */
  List<Integer> all() {
    return List.copyOf(wards.keySet());
  }

  /** The passive worker of a number, null: none. */
  @Nullable Worker ward(int worker) {
    Ward it = wards.get(worker);
    return it == null ? null : it.follower.worker();
  }
}
