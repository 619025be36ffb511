package dev.portcullis.core.elastic;

import dev.portcullis.core.elastic.ReplicaMessage.Changes;
import dev.portcullis.core.elastic.ReplicaMessage.ClassRecord;
import dev.portcullis.core.elastic.ReplicaMessage.Dismiss;
import dev.portcullis.core.elastic.ReplicaMessage.Fill;
import dev.portcullis.core.elastic.ReplicaMessage.Full;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Writes what changes in a shard of a worker down at its guardian.
 *
 * <ul>
 *   <li>R1 a guardian that has been told {@link Full} <em>counts</em>: {@link #replicated} does not
 *       pass what it has acknowledged. Everything before went to it ahead of {@code Full}.
 *   <li>R2 a guardian that counts goes on counting until it has acknowledged {@link Dismiss}, which
 *       it is sent when the coordinator knows of another one, or until its life is known to have
 *       ended.
 *   <li>R3 without a guardian that counts nothing is waited for.
 * </ul>
 *
 * <p>So every full replica that was not dismissed, at a life that has not ended, has all that this
 * shard has let go: whoever looks for a successor needs to know no more than which replicas are
 * full.
 *
 * <p>Thread: the shard.
 */
public final class Replicator {

  /** The most bytes of entries in a message. */
  static final int MESSAGE_BYTES = 64 << 10;

  /** Messages that a guardian may have outstanding. */
  static final int WINDOW = 16;

  /** What the shard does for replication. */
  public interface Actions {

    /**
     * Sends a message to the shard of a guardian that has the replica of this one.
     *
     * @return its number on that channel, from 1
     */
    long send(Life guardian, ReplicaMessage message);

    /** All changes up to a number are wherever they have to be. */
    void replicated(long upTo);
  }

  private record Pending(long position, ClassRecord record) {}

  private record Sent(long number, long position) {}

  private static final class Feed {
    final Life guardian;
    final Journal.Cursor cursor;
    final ArrayDeque<Sent> unacknowledged = new ArrayDeque<>();
    final ArrayDeque<Pending> records = new ArrayDeque<>();
    boolean full;
    long dismissedBy;
    long exported;
    long replicated;

    Feed(Life guardian, Journal.Cursor cursor) {
      this.guardian = guardian;
      this.cursor = cursor;
    }
  }

  private final Journal journal;
  private final Actions actions;
  private final List<Feed> feeds = new ArrayList<>();
  private final List<Pending> records = new ArrayList<>();
  private int recordsEpoch;
  private long replicated;

  /** Begins without a guardian. */
  public Replicator(Journal journal, Actions actions) {
    this.journal = journal;
    this.actions = actions;
  }

  /** Returns the guardians that count. */
  public Set<Life> counting() {
    return feeds.stream().filter(it -> it.full).map(it -> it.guardian).collect(Collectors.toSet());
  }

  /** Whether no guardian counts: what a crash now takes along is lost. */
  public boolean unprotected() {
    for (Feed feed : feeds) {
      if (feed.full) {
        return false;
      }
    }
    return true;
  }

  /** Number of the last change that is wherever it has to be. */
  public long replicated() {
    return replicated;
  }

  /** Who should have the replica: it is filled, then the one before is dismissed. */
  public void guard(Life guardian) {
    for (Feed feed : List.copyOf(feeds)) {
      if (feed.guardian.equals(guardian) && feed.dismissedBy == 0) {
        return;
      }
      if (!feed.full) {
        send(feed, new Dismiss());
        remove(feed);
      }
    }
    Feed feed = new Feed(guardian, journal.open());
    feed.records.addAll(records);
    feeds.add(feed);
    send(feed, new Fill());
    pump(feed);
  }

  private long send(Feed feed, ReplicaMessage message) {
    long number = actions.send(feed.guardian, message);
    feed.unacknowledged.add(new Sent(number, feed.exported));
    return number;
  }

  private void remove(Feed feed) {
    feed.cursor.close();
    feeds.remove(feed);
  }

  /**
   * Writes down that a class is active here, or about to be handed over; {@link #flush} sends it.
   *
   * @return number that {@link #replicated} reaches when that is done; 0: nobody needs to know
   */
  public long record(int epoch, KeyClass of, boolean active) {
    if (epoch > recordsEpoch) {
      recordsEpoch = epoch;
      records.clear();
    }
    Pending pending = new Pending(journal.mark(), new ClassRecord(epoch, of, active));
    records.add(pending);
    feeds.forEach(it -> it.records.add(pending));
    return unprotected() ? 0 : pending.position;
  }

  /** Steps that an earlier life had written down, and a guardian of this one must know, too. */
  public void resume(List<ClassRecord> earlier) {
    earlier.forEach(it -> record(it.epoch(), it.of(), it.active()));
  }

  /** Sends what has changed. */
  public void flush() {
    for (Feed feed : List.copyOf(feeds)) {
      pump(feed);
    }
    advance();
  }

  private void pump(Feed feed) {
    while (feed.dismissedBy == 0 && feed.unacknowledged.size() < WINDOW) {
      Object entries = feed.cursor.export(MESSAGE_BYTES);
      long upTo = feed.cursor.exportedUpTo();
      if (entries == null && upTo == feed.exported) {
        if (!feed.full) {
          full(feed);
        }
        return;
      }
      feed.exported = upTo;
      send(feed, new Changes(upTo, entries, take(feed.records, upTo)));
    }
  }

  private static List<ClassRecord> take(ArrayDeque<Pending> records, long upTo) {
    List<ClassRecord> taken = new ArrayList<>();
    while (!records.isEmpty() && records.peek().position <= upTo) {
      taken.add(records.poll().record);
    }
    return taken;
  }

  /** R1. */
  private void full(Feed feed) {
    feed.full = true;
    send(feed, new Full());
  }

  /** R2. A guardian is known to have a full replica: whoever else had one is dismissed. */
  public void guarded(Life guardian) {
    for (Feed feed : feeds) {
      if (feed.full && feed.dismissedBy == 0 && feed.guardian.equals(guardian)) {
        feeds.stream().filter(it -> it != feed).forEach(this::dismiss);
        return;
      }
    }
  }

  private void dismiss(Feed feed) {
    if (feed.dismissedBy == 0) {
      feed.dismissedBy = send(feed, new Dismiss());
    }
  }

  /** A guardian has processed all messages up to a number. */
  public void acknowledged(Life guardian, long upTo) {
    for (Feed feed : List.copyOf(feeds)) {
      if (!feed.guardian.equals(guardian)) {
        continue;
      }
      while (!feed.unacknowledged.isEmpty() && feed.unacknowledged.peek().number <= upTo) {
        Sent sent = feed.unacknowledged.poll();
        feed.replicated = sent.position;
      }
      if (feed.dismissedBy > 0 && feed.dismissedBy <= upTo) {
        remove(feed);
      } else {
        pump(feed);
      }
    }
    advance();
  }

  /** A life has ended, or is fenced: as a guardian it counts no longer. */
  public void ended(Life life) {
    for (Feed feed : List.copyOf(feeds)) {
      if (feed.guardian.equals(life)) {
        remove(feed);
      }
    }
    advance();
  }

  private void advance() {
    long least = journal.position();
    for (Feed feed : feeds) {
      if (feed.full) {
        least = Math.min(least, feed.replicated);
      }
    }
    if (least > replicated) {
      replicated = least;
      actions.replicated(least);
    }
  }

  /** Returns for example {@code replicated 12 of 15, [worker/1#3 full]}. */
  @Override
  public String toString() {
    return "replicated "
        + replicated
        + " of "
        + journal.position()
        + ", "
        + feeds.stream()
            .map(
                it ->
                    it.guardian
                        + (it.full ? " full" : " filling")
                        + (it.dismissedBy > 0 ? ", dismissed" : ""))
            .toList();
  }
}
