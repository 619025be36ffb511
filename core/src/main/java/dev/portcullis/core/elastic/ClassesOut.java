package dev.portcullis.core.elastic;

import dev.portcullis.core.elastic.ShardMessage.Activate;
import dev.portcullis.core.elastic.ShardMessage.Copy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The classes that a shard gives in a change: {@code copying} until it closes, {@code closed} until
 * its marks are acknowledged, {@code sent}, and {@code taken} when the new owner says so. Content
 * is kept until then.
 *
 * <p>Thread: the shard.
 */
final class ClassesOut {

  /** How far a class is. */
  enum State {
    COPYING,
    CLOSED,
    SENT,
    TAKEN
  }

  /** What the shard does for the classes. */
  interface Actions {
    void send(ShardId to, ShardMessage message);

    /** Number of the last message for a shard; 0: it has acknowledged all. */
    long lastNumber(ShardId to);
  }

  /** The most bytes of one copy. */
  static final int COPY_BYTES = 64 << 10;

  /** What may be behind when the change is prepared. */
  static final long BEHIND_BYTES = 1 << 20;

  private static final class Out {
    final KeyClass of;
    final ShardId to;

    /** Number of the last copy for that shard, and up to where it has acknowledged. */
    final long[] copies;

    State state = State.COPYING;
    int version;
    boolean broken;

    Out(KeyClass of, ShardId to, long[] copies) {
      this.of = of;
      this.to = to;
      this.copies = copies;
    }
  }

  private final int epoch;
  private final int lanes;
  private final Content content;
  private final Actions actions;
  private final @Nullable Out[] byWorkerAndLane;
  private final List<Out> all = new ArrayList<>();

  private final Map<ShardId, long[]> copies = new HashMap<>();

  private int untaken;

  /**
   * Lists the classes.
   *
   * @param broken whether their content was lost with an earlier life of this worker
   */
  ClassesOut(
      ShardId self,
      int shards,
      int lanes,
      Members now,
      Members next,
      boolean broken,
      Content content,
      Actions actions) {
    this.epoch = next.epoch();
    this.lanes = lanes;
    this.content = content;
    this.actions = actions;
    int highest = -1;
    for (Life to : next.workers()) {
      highest = Math.max(highest, to.module().number());
    }
    byWorkerAndLane = new Out[(highest + 1) * lanes];
    for (Life to : next.workers()) {
      int number = to.module().number();
      boolean gives = now.has(self.module()) && !to.module().equals(self.module());
      for (int lane = self.shard(); gives && lane < lanes; lane += shards) {
        ShardId shard = to.shardOf(lane);
        Out out =
            new Out(
                new KeyClass(self.module().number(), number, lane),
                shard,
                copies.computeIfAbsent(shard, it -> new long[2]));
        out.broken = broken;
        byWorkerAndLane[number * lanes + lane] = out;
        all.add(out);
        content.track(out.of);
      }
    }
    untaken = all.size();
  }

  private @Nullable Out find(int to, int lane) {
    int at = to * lanes + lane;
    return at < byWorkerAndLane.length ? byWorkerAndLane[at] : null;
  }

  /** Whether packets of a class are still processed here; false for what is no class out. */
  boolean isOpen(int to, int lane) {
    Out out = find(to, lane);
    return out != null && out.state == State.COPYING;
  }

  /** W1. Sends what has changed, one copy under way to each shard. */
  void copy() {
    for (Out out : all) {
      long[] numbers = out.copies;
      if (out.state == State.COPYING && numbers[0] <= numbers[1] && copyOnce(out)) {
        numbers[0] = actions.lastNumber(out.to);
      }
    }
  }

  private boolean copyOnce(Out out) {
    Object entries = content.export(out.of, COPY_BYTES);
    if (entries == null) {
      return false;
    }
    actions.send(out.to, new Copy(epoch, out.of, out.version++, entries));
    return true;
  }

  /** Whether little is left to copy. */
  boolean copied() {
    long behind = 0;
    for (Out out : all) {
      behind += out.state == State.COPYING ? content.behindBytes(out.of) : 0;
    }
    return behind < BEHIND_BYTES;
  }

  /** W3. No packet of the classes comes any more. */
  void close() {
    for (Out out : all) {
      if (out.state == State.COPYING) {
        out.state = State.CLOSED;
      }
    }
  }

  /** The classes that are closed and not handed over. */
  List<KeyClass> closed() {
    return all.stream().filter(it -> it.state == State.CLOSED).map(it -> it.of).toList();
  }

  /** W4. Hands over all that is closed. */
  void activate() {
    for (Out out : all) {
      if (out.state == State.CLOSED) {
        out.state = State.SENT;
        activate(out);
      }
    }
  }

  private void activate(Out out) {
    while (copyOnce(out)) {
      // the rest
    }
    long count = content.count(out.of);
    long checksum = content.checksum(out.of);
    actions.send(out.to, new Activate(epoch, out.of, out.version, count, checksum, out.broken));
  }

  /** The new owner says that something is missing: all of the class goes again. */
  void incomplete(KeyClass of) {
    Out out = find(of.to(), of.lane());
    if (out != null && out.state == State.SENT) {
      again(out);
    }
  }

  private void again(Out out) {
    out.version = 0;
    content.track(out.of);
    if (out.state == State.SENT) {
      activate(out);
    }
  }

  /** The new owner has the class: its content is dropped. Without effect when repeated. */
  void taken(KeyClass of) {
    Out out = find(of.to(), of.lane());
    if (out != null && out.state == State.SENT) {
      out.state = State.TAKEN;
      untaken--;
      content.drop(of);
    }
  }

  /** A shard has acknowledged up to a number. */
  void acknowledged(ShardId to, long upTo) {
    long[] numbers = copies.get(to);
    if (numbers != null) {
      numbers[1] = Math.max(numbers[1], upTo);
    }
  }

  /**
   * A channel to a new life of a new owner is open: copies begin anew, and what was handed over is
   * said again.
   *
   * @param empty whether the new life has nothing of what an earlier one took
   */
  void again(ShardId to, boolean empty) {
    long[] numbers = copies.get(to);
    if (numbers == null) {
      return;
    }
    numbers[0] = 0;
    numbers[1] = 0;
    for (Out out : all) {
      if (!out.to.equals(to)) {
        continue;
      }
      if (out.state == State.TAKEN && empty) {
        out.state = State.SENT;
        out.broken = true;
        untaken++;
      }
      if (out.state != State.TAKEN) {
        again(out);
      }
    }
  }

  /** Whether all classes are at their new owners. */
  boolean allTaken() {
    return untaken == 0;
  }

  @Override
  public String toString() {
    return all.stream().filter(it -> it.state != State.TAKEN).map(it -> it.of).toList().toString();
  }
}
