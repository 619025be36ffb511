package dev.portcullis.core.elastic;

import dev.portcullis.core.elastic.ShardMessage.Activate;
import dev.portcullis.core.elastic.ShardMessage.Copy;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The classes that a shard takes in a change: {@code waiting}, with the packets that came ahead of
 * it, until it is {@code active}.
 *
 * <p>Thread: the shard.
 */
final class ClassesIn {

  /**
   * How often a class is asked for again at the most. A channel loses nothing: more is a fault of
   * one of both, who would go on for ever.
   */
  static final int MOST_ASKED = 8;

  /** What became of an {@link Activate}. */
  enum Arrival {
    /** The class is there. */
    COMPLETE,
    /** Something is missing. */
    INCOMPLETE,
    /** It was there before. */
    KNOWN,
    /** It is there and not secured yet, or not a class of this shard. */
    NOTHING
  }

  /** A class that comes in. */
  static final class In {
    final KeyClass of;
    final ShardId from;
    final int index;
    private boolean active;
    private boolean installed;
    private int version;
    private boolean gap;
    private int asked;

    /** Number of the record at the guardian without which it is not active. */
    long recordedAt;

    In(KeyClass of, ShardId from, int index) {
      this.of = of;
      this.from = from;
      this.index = index;
    }

    /** Whether all of it is here. */
    boolean isInstalled() {
      return installed && !active;
    }

    /** Whether it is processed here. */
    boolean isActive() {
      return active;
    }
  }

  private final int lanes;
  private final Content content;
  private final HoldQueue held;
  private final @Nullable In[] byWorkerAndLane;
  private final List<In> all = new ArrayList<>();
  private int inactive;

  /** Number of classes that are here and not active yet. */
  private int installed;

  ClassesIn(
      ShardId self,
      int shards,
      int lanes,
      Members now,
      Members next,
      Content content,
      long holdBytes,
      long holdNs) {
    this.lanes = lanes;
    this.content = content;
    int highest = -1;
    for (Life from : now.workers()) {
      highest = Math.max(highest, from.module().number());
    }
    byWorkerAndLane = new In[(highest + 1) * lanes];
    for (Life from : now.workers()) {
      int number = from.module().number();
      boolean takes = next.has(self.module()) && !from.module().equals(self.module());
      for (int lane = self.shard(); takes && lane < lanes; lane += shards) {
        int index = number * lanes + lane;
        In in =
            new In(new KeyClass(number, self.module().number(), lane), from.shardOf(lane), index);
        byWorkerAndLane[index] = in;
        all.add(in);
      }
    }
    inactive = all.size();
    held = new HoldQueue(byWorkerAndLane.length, holdBytes, holdNs);
  }

  private @Nullable In find(int from, int lane) {
    int at = from * lanes + lane;
    return at < byWorkerAndLane.length ? byWorkerAndLane[at] : null;
  }

  /** Returns the class that a worker gives to this one, null where there is none. */
  @Nullable In of(KeyClass of) {
    return find(of.from(), of.lane());
  }

  /** Whether packets of a class wait. */
  boolean isWaiting(int from, int lane) {
    In in = find(from, lane);
    return in != null && !in.active;
  }

  /** Whether packets of a class are processed. */
  boolean isActive(int from, int lane) {
    In in = find(from, lane);
    return in != null && in.active;
  }

  /** Keeps a packet until its class is active; false when it is refused. */
  boolean hold(int from, int lane, long packet, int bytes, long nowNs) {
    return held.offer(from * lanes + lane, packet, bytes, nowNs);
  }

  /** Entries ahead of the class. */
  void copy(Copy copy) {
    In in = of(copy.of());
    if (in == null || in.installed) {
      return;
    }
    if (copy.version() == 0) {
      anew(in);
    }
    in.gap |= copy.version() != in.version;
    in.version++;
    if (!in.gap) {
      content.install(in.of, copy.entries());
    }
  }

  private void anew(In in) {
    content.drop(in.of);
    in.version = 0;
    in.gap = false;
  }

  /** W5, first half. */
  Arrival activate(Activate activate) {
    In in = of(activate.of());
    if (in == null || in.isInstalled()) {
      return Arrival.NOTHING;
    }
    if (in.active) {
      return Arrival.KNOWN;
    }
    if (activate.version() == 0) {
      anew(in);
    }
    if (isMissing(in, activate)) {
      if (in.asked++ < MOST_ASKED) {
        return Arrival.INCOMPLETE;
      }
      content.lost(in.of, Math.max(1, activate.count() - content.count(in.of)));
    }
    in.installed = true;
    installed++;
    return Arrival.COMPLETE;
  }

  private boolean isMissing(In in, Activate activate) {
    return in.gap
        || activate.version() != in.version
        || content.count(in.of) != activate.count()
        || content.checksum(in.of) != activate.checksum();
  }

  /** Returns the classes that are here and not active yet. */
  List<In> installed() {
    if (installed == 0) {
      return List.of();
    }
    return all.stream().filter(In::isInstalled).toList();
  }

  /** Number of packets that wait for a class. */
  int held(In in) {
    return held.count(in.index);
  }

  /** Takes the oldest packet that waits for a class that has one. */
  long takeHeld(In in) {
    return held.take(in.index);
  }

  /** From now on packets of the class are processed. */
  void active(In in) {
    in.active = true;
    inactive--;
    installed--;
  }

  /** A class was active at an earlier life, and is here. */
  void resume(KeyClass of) {
    In in = of(of);
    if (in != null && !in.active) {
      if (!in.installed) {
        in.installed = true;
        installed++;
      }
      active(in);
    }
  }

  /** What an earlier life had of classes that were not active comes again. */
  void dropInactive() {
    all.stream().filter(it -> !it.active).forEach(it -> content.drop(it.of));
  }

  /** Returns the classes from a shard that are active. */
  List<In> activeFrom(ShardId from) {
    return all.stream().filter(it -> it.active && it.from.equals(from)).toList();
  }

  /** Drops what has come: the change will not be. */
  void drop() {
    for (In in : all) {
      content.drop(in.of);
    }
  }

  /** Whether all classes are here. */
  boolean allActive() {
    return inactive == 0;
  }

  /** Number of packets that wait, over all classes. */
  int held() {
    int sum = 0;
    for (In in : all) {
      sum += held.count(in.index);
    }
    return sum;
  }

  @Override
  public String toString() {
    return all.stream().filter(it -> !it.active).map(it -> it.of).toList().toString();
  }
}
