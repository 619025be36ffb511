package dev.portcullis.core.elastic;

import dev.portcullis.core.elastic.ReplicaMessage.ClassRecord;
import dev.portcullis.core.elastic.ShardMessage.Activate;
import dev.portcullis.core.elastic.ShardMessage.Barrier;
import dev.portcullis.core.elastic.ShardMessage.Copy;
import dev.portcullis.core.elastic.ShardMessage.Incomplete;
import dev.portcullis.core.elastic.ShardMessage.Taken;
import dev.portcullis.core.link.ModuleId;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A change in a shard of a worker, from the first copy to {@code done}. Copy first, switch, close,
 * hand over once:
 *
 * <ul>
 *   <li>W1 prepare: {@code copy} every class out, then its changes; prepared when little is behind.
 *   <li>W2 a packet is processed where its class is active, held where it is not there yet, and
 *       anything else is a fault ({@link #admit}).
 *   <li>W3 the barriers of every member of the old table are in: closed. When the guardian has all
 *       of it, marks the last number of every outgoing channel.
 *   <li>W4 the marks are acknowledged: {@code activate}. Content stays until {@code taken}.
 *   <li>W5 {@code activate} is checked, the class active, the packets held for it processed: {@code
 *       taken}.
 *   <li>W6 closed, all out taken, all in active: {@code done}.
 * </ul>
 *
 * <p>The host calls {@link #heard} with the epoch of each message of packets before these, and
 * {@link #arrived} with each message of the change, both in the order of the channel.
 *
 * <p>Thread: the shard.
 */
public final class ChangeWorker {

  /** The packet is processed now. */
  public static final int PROCESS = 0;

  /** The packet waits for its class: {@link #hold}. */
  public static final int HOLD = 1;

  /** The packet has no business here: a fault, it is dropped. */
  public static final int NOT_OWNER = 2;

  /** What the shard does for the change. */
  public interface Actions extends ChangeSender.Actions, ClassesOut.Actions {

    @Override
    void send(ShardId to, ShardMessage message);

    /**
     * Number of the last message for a shard; 0: all acknowledged. What waits for {@link
     * #replicate} is none yet.
     */
    @Override
    long lastNumber(ShardId to);

    /**
     * Processes a packet that was held; what it passes on to itself goes through {@link #admit}.
     */
    void process(long packet);

    /** What was given to {@link #process} has all been processed when this returns. */
    default void processed() {}

    /**
     * Writes down at the guardian that a class has gone, or is active.
     *
     * @return number that {@link #replicated} reaches when it is there; 0 without a guardian
     */
    long replicate(KeyClass of, boolean active);

    /** The table is known, and little is left to copy if {@code copied}. */
    void prepared(int epoch, boolean copied);

    /** Nothing is left to do. */
    void done(int epoch);

    /** A barrier has not come in time. */
    void missing(int epoch, ModuleId member);
  }

  private enum Phase {
    /** No change. */
    STEADY,
    /** W1. */
    COPYING,
    /** Switched; barriers are awaited. */
    SWITCHED,
    /** W3: closed; the guardian is to have all of the classes that go. */
    CLOSED,
    /** Acknowledgements are awaited. */
    MARKED,
    /** W4: handed over; classes are awaited, and that they are taken. */
    HANDED_OVER,
    /** W6. */
    DONE
  }

  private final ShardId self;
  private final int shards;
  private final int lanes;
  private final long holdBytes;
  private final Timing timing;
  private final Content content;
  private final Actions actions;
  private final ChangeSender sender;
  private final Barriers barriers;
  private final Marks marks = new Marks();

  private Phase phase = Phase.STEADY;
  private @Nullable ClassesOut out;
  private @Nullable ClassesIn in;
  private boolean saidCopied;
  private boolean saidMissing;
  private long switchedAtNs;
  private long replicatedUpTo;
  private long goneAt;
  private long nowNs;

  /**
   * Begins under {@code now}.
   *
   * @param lanes number of lanes of the gateway
   * @param holdBytes the most that packets may hold that wait for classes
   */
  public ChangeWorker(
      ShardId self,
      int shards,
      int lanes,
      long holdBytes,
      Timing timing,
      Members now,
      Content content,
      Actions actions) {
    this.self = self;
    this.shards = shards;
    this.lanes = lanes;
    this.holdBytes = holdBytes;
    this.timing = timing;
    this.content = content;
    this.actions = actions;
    sender = new ChangeSender(self, now, actions);
    barriers = new Barriers(self);
  }

  /** Number of the table under which this shard sends. */
  public int epoch() {
    return sender.epoch();
  }

  /** Whether packets must pass {@link #admit}. */
  public boolean changing() {
    return out != null;
  }

  /** Packets that wait for their class. */
  public int held() {
    return in == null ? 0 : in.held();
  }

  /**
   * W1.
   *
   * @param now the present table
   * @param next the one that is coming
   * @param lost whether an earlier life of this worker took the content of its classes along
   */
  public void prepare(Members now, Members next, boolean lost) {
    if (phase == Phase.COPYING) {
      abort();
    } else if (phase != Phase.STEADY) {
      retire();
    }
    sender.prepare(now, next);
    content.change(now, next);
    out = new ClassesOut(self, shards, lanes, now, next, lost, content, actions);
    in = new ClassesIn(self, shards, lanes, now, next, content, holdBytes, timing.holdNs());
    phase = Phase.COPYING;
    saidCopied = false;
    saidMissing = false;
    actions.prepared(next.epoch(), false);
    copy();
  }

  /**
   * An earlier life of this worker had come further in the change that was just prepared, and all
   * that it had is here.
   */
  public void resume(List<ClassRecord> records) {
    Members next = sender.next();
    if (out == null || in == null || next == null) {
      return;
    }
    for (ClassRecord it : records) {
      if (it.epoch() == next.epoch() && it.active()) {
        in.resume(it.of());
      }
    }
    in.dropInactive();
    advance();
  }

  private void copy() {
    ClassesOut classes = out;
    Members next = sender.next();
    if (classes == null || next == null || phase != Phase.COPYING && phase != Phase.SWITCHED) {
      return;
    }
    classes.copy();
    if (!saidCopied && classes.copied()) {
      saidCopied = true;
      actions.prepared(next.epoch(), true);
    }
  }

  /** The change will not be. */
  public void abort() {
    if (phase == Phase.COPYING && in != null) {
      in.drop();
      end();
      sender.abort();
    }
  }

  /** The change is complete. */
  public void retire() {
    if (phase != Phase.STEADY) {
      end();
      sender.retire();
    }
  }

  private void end() {
    phase = Phase.STEADY;
    out = null;
    in = null;
    marks.clear();
    content.settle();
  }

  /** S1: switches, if that is not done. */
  public void commit() {
    if (phase == Phase.COPYING && sender.commit()) {
      phase = Phase.SWITCHED;
      switchedAtNs = nowNs;
      advance();
    }
  }

  /**
   * A message of packets under {@code epoch} is next.
   *
   * @return whether it may be read: its table is known here
   */
  public boolean heard(int epoch) {
    if (epoch > sender.epoch()) {
      commit();
    }
    return epoch <= sender.epoch();
  }

  /**
   * W2: what becomes of a packet.
   *
   * @param packetEpoch number of the table under which it was sent here
   * @param ownerNow its owner under the old table
   * @param ownerNext its owner under the next table
   * @return {@link #PROCESS}, {@link #HOLD} or {@link #NOT_OWNER}
   */
  public int admit(int packetEpoch, int ownerNow, int ownerNext, int lane) {
    ClassesIn incoming = in;
    ClassesOut outgoing = out;
    int me = self.module().number();
    if (packetEpoch < sender.now().epoch()) {
      return NOT_OWNER;
    }
    if (incoming == null || outgoing == null) {
      return ownerNow == me ? PROCESS : NOT_OWNER;
    }
    if (ownerNow == me && ownerNext == me) {
      return PROCESS;
    }
    Members next = sender.next();
    if (next == null || packetEpoch < next.epoch()) {
      return ownerNow == me && outgoing.isOpen(ownerNext, lane) ? PROCESS : NOT_OWNER;
    }
    if (ownerNext != me) {
      return NOT_OWNER;
    }
    if (incoming.isActive(ownerNow, lane)) {
      return PROCESS;
    }
    return incoming.isWaiting(ownerNow, lane) ? HOLD : NOT_OWNER;
  }

  /**
   * Keeps a packet that {@link #admit} lets wait.
   *
   * @param packet what {@link Actions#process} gets
   * @param bytes its size
   * @return false when a bound is reached: it is dropped
   */
  public boolean hold(int ownerNow, int lane, long packet, int bytes) {
    return in != null && in.hold(ownerNow, lane, packet, bytes, nowNs);
  }

  /** A message of a change has come. */
  public void arrived(ShardId from, ShardMessage message) {
    if (message instanceof Copy copy) {
      if (in != null && isCurrent(copy)) {
        in.copy(copy);
      }
      return;
    }
    heard(message.epoch());
    if (message instanceof Barrier barrier) {
      barriers.spoken(from, barrier.epoch());
    } else if (isCurrent(message) && in != null && out != null) {
      switch (message) {
        case Activate activate -> activate(from, activate, in);
        case Taken taken -> out.taken(taken.of());
        case Incomplete incomplete -> out.incomplete(incomplete.of());
        default -> throw new IllegalStateException("no such message: " + message);
      }
    } else if (message instanceof Activate activate && activate.epoch() <= sender.epoch()) {
      actions.send(from, new Taken(activate.epoch(), activate.of()));
    }
    advance();
  }

  private boolean isCurrent(ShardMessage message) {
    Members next = sender.next();
    return next != null && message.epoch() == next.epoch();
  }

  private void activate(ShardId from, Activate message, ClassesIn classes) {
    switch (classes.activate(message)) {
      case COMPLETE -> {
        ClassesIn.In it = classes.of(message.of());
        if (it != null) {
          it.recordedAt = actions.replicate(it.of, true);
        }
      }
      case INCOMPLETE -> actions.send(from, new Incomplete(message.epoch(), message.of()));
      case KNOWN -> actions.send(from, new Taken(message.epoch(), message.of()));
      case NOTHING -> {}
    }
  }

  /** A shard has acknowledged all up to a number. */
  public void acknowledged(ShardId to, long upTo) {
    if (out != null) {
      marks.acknowledged(to, upTo);
      out.acknowledged(to, upTo);
      copy();
      advance();
    }
  }

  /**
   * The guardian has all records up to a number, and nothing that was sent before them waits any
   * more.
   */
  public void replicated(long upTo) {
    replicatedUpTo = Math.max(replicatedUpTo, upTo);
    advance();
  }

  /**
   * A life has ended: what it said counts no longer, and nothing is awaited from it.
   *
   * @param successor who has its place; null: nobody
   */
  public void generation(Life ended, @Nullable Life successor) {
    if (!sender.isMember(ended)) {
      return;
    }
    barriers.forget(ended);
    marks.forget(ended);
    sender.generation(ended, successor);
    if (successor != null && phase == Phase.MARKED) {
      mark(successor);
    }
    advance();
  }

  /**
   * Hello: a channel with a new life of a shard is open.
   *
   * @param epoch table of what follows from there
   * @param empty whether that life has nothing of what an earlier one had taken in this change
   */
  public void opened(ShardId peer, int epoch, boolean empty) {
    heard(epoch);
    barriers.spoken(peer, epoch);
    Members next = sender.next();
    if (out != null && in != null && next != null) {
      out.again(peer, empty);
      for (ClassesIn.In it : in.activeFrom(peer)) {
        actions.send(peer, new Taken(next.epoch(), it.of));
      }
    }
    advance();
  }

  /** Time passes. */
  public void tick(long timeNs) {
    nowNs = timeNs;
    copy();
    Members next = sender.next();
    if (phase == Phase.SWITCHED
        && next != null
        && !saidMissing
        && nowNs - switchedAtNs > timing.barrierNs()) {
      saidMissing = true;
      for (Life life : barriers.missing(sender.now(), next.epoch())) {
        actions.missing(next.epoch(), life.module());
      }
    }
  }

  /** Goes on as far as possible. */
  private void advance() {
    ClassesOut outgoing = out;
    ClassesIn incoming = in;
    Members next = sender.next();
    if (outgoing == null || incoming == null || next == null) {
      return;
    }
    if (phase == Phase.SWITCHED && barriers.complete(sender.now(), next.epoch())) {
      close(outgoing);
    }
    if (phase == Phase.CLOSED && replicatedUpTo >= goneAt) {
      phase = Phase.MARKED;
      sender.now().union(next).forEach(this::mark);
    }
    if (phase == Phase.MARKED && marks.isEmpty()) {
      phase = Phase.HANDED_OVER;
      outgoing.activate();
    }
    for (ClassesIn.In it : incoming.installed()) {
      if (replicatedUpTo >= it.recordedAt) {
        begin(it, incoming, next);
      }
    }
    if (phase == Phase.HANDED_OVER && outgoing.allTaken() && incoming.allActive()) {
      phase = Phase.DONE;
      actions.done(next.epoch());
    }
  }

  /** W3. What waits for the guardian is in front of what says that the classes have gone. */
  private void close(ClassesOut outgoing) {
    phase = Phase.CLOSED;
    outgoing.close();
    content.closed();
    for (KeyClass of : outgoing.closed()) {
      goneAt = Math.max(goneAt, actions.replicate(of, false));
    }
  }

  private void mark(Life member) {
    for (int shard = 0; shard < member.shards(); shard++) {
      ShardId to = new ShardId(member.module(), shard);
      if (!to.equals(self)) {
        marks.set(to, actions.lastNumber(to));
      }
    }
  }

  /**
   * W5, second half. What a held packet passes on to this shard goes behind what is held: those are
   * older.
   */
  private void begin(ClassesIn.In it, ClassesIn incoming, Members next) {
    while (incoming.held(it) > 0) {
      do {
        actions.process(incoming.takeHeld(it));
      } while (incoming.held(it) > 0);
      actions.processed();
    }
    incoming.active(it);
    actions.send(it.from, new Taken(next.epoch(), it.of));
  }

  /** Returns what the shard waits for, for example {@code CLOSED, marks [worker/1.0]}. */
  @Override
  public String toString() {
    ClassesOut outgoing = out;
    ClassesIn incoming = in;
    Members next = sender.next();
    if (outgoing == null || incoming == null || next == null) {
      return "epoch " + epoch();
    }
    return "epoch "
        + epoch()
        + ", "
        + phase
        + ", barriers missing "
        + barriers.missing(sender.now(), next.epoch())
        + ", marks "
        + marks
        + ", not taken "
        + outgoing
        + ", not active "
        + incoming
        + ", held "
        + held();
  }
}
