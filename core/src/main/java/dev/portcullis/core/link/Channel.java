package dev.portcullis.core.link;

import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Both ends, on this side, of the two channels between a lane of this module and a lane of another:
 * FIFO and exactly once while both live. Pure state: time comes in as an argument, messages go out
 * to a {@link Wire}.
 *
 * <p>Receiver: takes the next number, acknowledges cumulatively, asks to resume on a gap and when a
 * stream opens. Sender: keeps what is not acknowledged, goes back when asked to resume; when
 * nothing is acknowledged for longer than the peer usually takes, it sends what is oldest and
 * newest of it again, and waits twice as long for an answer to that (RFC 6298, RFC 5682). A higher
 * generation of the peer is a new channel: what was sent to the old one and not acknowledged is
 * lost, what was never sent is sent.
 *
 * <p>Thread: the loop of the lane.
 */
final class Channel implements Outlet {

  /** What carries messages at the moment: the stream to the peer, or to a switch. */
  interface Wire {

    /** Whether a stream is open. */
    boolean open();

    /** Whether the transport does not hold too much already. */
    boolean ready();

    /** Sends a message; the body stays as it is until it is acknowledged. */
    void send(LinkMessage message);
  }

  /** Told what a person or a ledger wants to know. */
  interface Events {

    /**
     * Packets that stand for {@code frames} of ports were sent to a life of the peer that ended
     * before it acknowledged them.
     */
    void lost(ModuleId destination, long frames);
  }

  /**
   * The most bytes of one row on the wire: a batch of it alone, with its header, is taken by the
   * peer.
   */
  static final int MAX_ROW_BYTES = PacketBatch.MAX_BYTES - 1024;

  /** The longest that a channel waits for an acknowledgement, in {@link LinkSettings#resendNs}. */
  static final int MOST_PATIENCE = 4;

  private final ModuleId self;
  private final int selfLane;
  private final ModuleId peer;
  private final int peerLane;
  private final long generation;
  private final LinkSettings settings;
  private final LinkCounts counts;
  private final Events events;
  private final BatchHeader header = new BatchHeader();
  private LinkMessage outgoing = new LinkMessage();

  private final SwitchPaths paths = new SwitchPaths();
  private @Nullable Wire wire;

  /** What the peer was last heard by: what answers it goes back the way that it came. */
  private @Nullable Wire answers;

  private long peerGeneration;

  /** Whether the present life of the peer has been heard of since the wire was opened. */
  private boolean confirmed;

  // sender
  private final SealedQueue kept = new SealedQueue();
  private long nextSequence = 1;
  private long acknowledged;
  private long inFlightBytes;
  private long pendingBytes;
  private byte @Nullable [] open;
  private int openLength;
  private int openPackets;
  private int openFrames;
  private int epoch;
  private long lastProgressNs;
  private boolean waitingSinceTick;

  /** How long nothing may be acknowledged before something is done about it. */
  private long patienceNs;

  /** A message whose way to the peer and back is being timed; 0: none is. */
  private long timed;

  private long timedSinceNs;

  /** What the peer had when it asked for the rest, and when it did. */
  private long resumedFrom = -1;

  private long resumedNs;
  private final List<Runnable> waiting = new ArrayList<>();

  // receiver
  private long expected = 1;
  private boolean acknowledgementDue;
  private boolean acknowledgementUrgent;
  private long takenBytes;
  private boolean resumeAsked;
  private long sourceGeneration;

  Channel(
      ModuleId self,
      int selfLane,
      ModuleId peer,
      int peerLane,
      long generation,
      LinkSettings settings,
      LinkCounts counts,
      Events events) {
    this.self = self;
    this.selfLane = selfLane;
    this.peer = peer;
    this.peerLane = peerLane;
    this.generation = generation;
    this.settings = settings;
    this.counts = counts;
    this.events = events;
    this.patienceNs = settings.resendNs();
  }

  @Override
  public boolean offer(PacketBatch batch, int i) {
    int packetSize = BatchCodec.packetSize(batch, i);
    int size = BatchCodec.rowSizeOf(packetSize);
    boolean isMessage = (batch.flags[i] & PacketFlags.MESSAGE) != 0;
    boolean isFull = !isMessage && pendingBytes + size > settings.queueBytes();
    if (size > MAX_ROW_BYTES || isFull) {
      return false;
    }
    byte[] to = open;
    if (to != null
        && (openLength + size > PacketBatch.TARGET_BYTES
            || openPackets == PacketBatch.MAX_PACKETS)) {
      seal();
      pump();
      to = null;
    }
    if (to == null) {
      to = BufferPool.take(PacketBatch.MAX_BYTES);
      open = to;
      openLength = 0;
      openPackets = 0;
      openFrames = 0;
    }
    openLength = BatchCodec.writeRow(batch, i, packetSize, to, openLength);
    openPackets++;
    openFrames += batch.frames(i);
    pendingBytes += size;
    if (openLength >= PacketBatch.TARGET_BYTES) {
      seal();
      pump();
    }
    return true;
  }

  @Override
  public void flush() {
    if (open != null) {
      seal();
      pump();
    }
  }

  @Override
  public long pendingBytes() {
    return pendingBytes;
  }

  @Override
  public long lastNumber() {
    if (open != null) {
      return nextSequence;
    }
    return kept.isEmpty() ? 0 : nextSequence - 1;
  }

  /** Number up to which the peer has acknowledged. */
  long acknowledgedUpTo() {
    return acknowledged;
  }

  @Override
  public ModuleId destination() {
    return peer;
  }

  /** The lane of {@link #destination} that packets put in here arrive at. */
  int destinationLane() {
    return peerLane;
  }

  /** Times that a message was sent again. */
  long resent() {
    return counts.resentSoFar();
  }

  /** Stamps what is gathered from now on; what is gathered already keeps its epoch. */
  void epoch(int next) {
    if (next != epoch) {
      flush();
      epoch = next;
    }
  }

  /** Runs {@code task} once, when there is room for a whole batch again. */
  void whenWritable(Runnable task) {
    if (roomForABatch()) {
      task.run();
    } else {
      waiting.add(task);
    }
  }

  private boolean roomForABatch() {
    return pendingBytes + PacketBatch.MAX_BYTES <= settings.queueBytes();
  }

  private void seal() {
    byte[] body = open;
    if (body == null) {
      return;
    }
    if (openLength <= BufferPool.SMALL) {
      byte[] smaller = BufferPool.take(openLength);
      System.arraycopy(body, 0, smaller, 0, openLength);
      BufferPool.give(body);
      body = smaller;
    }
    SealedQueue.Sealed sealed = kept.add();
    sealed.body = body;
    sealed.length = openLength;
    sealed.frames = openFrames;
    sealed.epoch = epoch;
    sealed.sequence = nextSequence++;
    open = null;
  }

  /** Sends what is sealed and not on its way, as far as the window allows. */
  private void pump() {
    Wire out = wire;
    if (out == null || !out.open() || !confirmed) {
      return;
    }
    while (kept.sent() < kept.size()) {
      int length = kept.get(kept.sent()).length;
      if (inFlightBytes > 0 && inFlightBytes + length > settings.windowBytes()) {
        return;
      }
      SealedQueue.Sealed sealed = kept.sendNext();
      inFlightBytes += length;
      if (out == answering()) {
        acknowledged();
      }
      counts.sent();
      send(out, BatchHeader.PACKETS, sealed.sequence, sealed.epoch, sealed.body, length);
    }
  }

  private void send(Wire out, int kind, long sequence, int messageEpoch, byte[] body, int length) {
    header.clear();
    header.kind = kind;
    header.epoch = messageEpoch;
    header.source = self.encoded();
    header.destination = peer.encoded();
    header.sourceLane = selfLane;
    header.destinationLane = peerLane;
    header.sourceGeneration = generation;
    header.destinationGeneration = peerGeneration;
    header.sequence = sequence;
    header.acknowledged = expected - 1;
    LinkMessage message = outgoing;
    message.fill(BatchCodec.writeHeader(header, message.head, 0), body, length);
    out.send(message);
    if (message.available() > 0) {
      // the transport keeps it for later
      outgoing = new LinkMessage();
    }
  }

  private static final byte[] NOTHING = new byte[0];

  private void control(int kind, @Nullable Wire out) {
    if (out != null && out.open()) {
      if (out == answering()) {
        acknowledged();
      }
      send(out, kind, 0, epoch, NOTHING, 0);
    }
  }

  private @Nullable Wire answering() {
    Wire last = answers;
    return last != null && last.open() ? last : wire;
  }

  /** The ways over switches, where the peer is behind some. */
  SwitchPaths paths() {
    return paths;
  }

  /** Asks by a way that is not in use whether the peer can be reached by it. */
  void probe(Wire by) {
    control(BatchHeader.RESUME, by);
  }

  /**
   * From now on this carries the messages; both sides ask to resume. Nothing is sent before it is
   * known which life of the peer is at the other end.
   *
   * @param peerLife generation that the peer said when the stream was opened; 0: a switch is
   *     between, it will say by itself
   */
  void wire(@Nullable Wire next, long peerLife, long nowNs) {
    wire = next;
    confirmed = false;
    if (next != null && next.open()) {
      if (peerLife > peerGeneration) {
        newGeneration(peerLife);
      }
      confirmed = peerLife > 0 && peerLife == peerGeneration;
      resumeAsked = true;
      lastProgressNs = nowNs;
      control(BatchHeader.RESUME, next);
      goBack();
    }
  }

  @Nullable Wire wire() {
    return wire;
  }

  /** What became of a message that arrived. */
  enum Arrival {
    /** Its packets are next. */
    DELIVER,
    /** It carried no packets, or they were there before. */
    NOTHING,
    /** It is of an earlier life of the sender, or for an earlier life of this module. */
    STALE
  }

  /**
   * Takes the header of a message for this channel.
   *
   * @param by the stream that brought it
   * @param bytes length of the message
   */
  Arrival arrived(Wire by, BatchHeader h, int bytes, long nowNs) {
    if (h.sourceGeneration < peerGeneration) {
      return Arrival.STALE;
    }
    answers = by;
    if (h.sourceGeneration > peerGeneration) {
      newGeneration(h.sourceGeneration);
    }
    boolean forThisLife = h.destinationGeneration == generation;
    if (!forThisLife) {
      if (h.destinationGeneration == 0 || h.kind == BatchHeader.RESUME || h.sequence != 0) {
        control(BatchHeader.RESUME, by);
      }
      if (h.destinationGeneration != 0) {
        return Arrival.STALE;
      }
      pump();
      return Arrival.NOTHING;
    }
    confirmed = true;
    acknowledged(h.acknowledged, nowNs);
    if (h.kind == BatchHeader.RESUME) {
      acknowledgementDue = true;
      acknowledgementUrgent = true;
      resume(h.acknowledged, nowNs);
    }
    Arrival arrival = Arrival.NOTHING;
    if (h.sequence != 0) {
      if (h.sequence == expected) {
        expected++;
        acknowledgementDue = true;
        takenBytes += bytes;
        resumeAsked = false;
        counts.received();
        arrival = Arrival.DELIVER;
      } else if (h.sequence < expected) {
        acknowledgementDue = true;
        acknowledgementUrgent = true;
      } else if (!resumeAsked) {
        resumeAsked = true;
        control(BatchHeader.RESUME, by);
      }
    }
    pump();
    return arrival;
  }

  /**
   * The peer asks for what follows {@code from}. It asks by every way and more than once: what it
   * has been sent since is not sent again.
   */
  private void resume(long from, long nowNs) {
    boolean again = from == resumedFrom && nowNs - resumedNs < settings.resendNs();
    if (from >= acknowledged && kept.sent() > 0 && !again) {
      resumedFrom = from;
      resumedNs = nowNs;
      goBack();
    }
  }

  /**
   * It is known which life of the peer is there now, before that has said anything: what has not
   * been sent goes to that one, and not to the one before, behind a switch.
   */
  void peerIs(long life) {
    if (life > peerGeneration) {
      newGeneration(life);
      pump();
    }
  }

  private void newGeneration(long next) {
    boolean first = peerGeneration == 0;
    peerGeneration = next;
    expected = 1;
    resumeAsked = false;
    resumedFrom = -1;
    timed = 0;
    patienceNs = settings.resendNs();
    if (first) {
      return;
    }
    long lost = 0;
    while (!kept.isEmpty() && kept.get(0).everSent) {
      SealedQueue.Sealed sealed = kept.removeFirst();
      lost += sealed.frames;
      release(sealed);
    }
    inFlightBytes = 0;
    acknowledged = 0;
    nextSequence = 1;
    for (int i = 0; i < kept.size(); i++) {
      kept.get(i).sequence = nextSequence++;
    }
    wakeWaiting();
    if (lost > 0) {
      events.lost(peer, lost);
    }
  }

  private void acknowledged(long upTo, long nowNs) {
    if (upTo <= acknowledged || upTo >= nextSequence) {
      return;
    }
    acknowledged = upTo;
    lastProgressNs = nowNs;
    if (timed != 0 && upTo >= timed) {
      timed = 0;
      patience(Math.max(2 * (nowNs - timedSinceNs), shorterPatience()));
    }
    while (!kept.isEmpty() && kept.get(0).sequence <= upTo) {
      boolean sent = kept.sent() > 0;
      SealedQueue.Sealed sealed = kept.removeFirst();
      inFlightBytes -= sent ? sealed.length : 0;
      release(sealed);
    }
    wakeWaiting();
  }

  private void patience(long ns) {
    long least = settings.resendNs();
    patienceNs = Math.clamp(ns, least, MOST_PATIENCE * least);
  }

  private long shorterPatience() {
    return patienceNs - patienceNs / 8;
  }

  private void wakeWaiting() {
    if (!waiting.isEmpty() && roomForABatch()) {
      List<Runnable> ready = List.copyOf(waiting);
      waiting.clear();
      ready.forEach(Runnable::run);
    }
  }

  private void release(SealedQueue.Sealed sealed) {
    pendingBytes -= sealed.length;
    BufferPool.give(sealed.body);
  }

  private void goBack() {
    counts.resent(kept.goBack());
    inFlightBytes = 0;
    pump();
  }

  /**
   * Sends the acknowledgement that is due, if no message took it along and half of the window has
   * come since the last, or somebody waits for it; otherwise it goes with the next message or tick.
   *
   * @param eager whether somebody waits
   */
  void acknowledge(boolean eager) {
    if (acknowledgementDue
        && (eager || acknowledgementUrgent || takenBytes >= settings.windowBytes() / 2)) {
      control(BatchHeader.ACKNOWLEDGE, answering());
    }
  }

  private void acknowledged() {
    acknowledgementDue = false;
    acknowledgementUrgent = false;
    takenBytes = 0;
  }

  /** Sends what is gathered and the acknowledgement that is due: this module ends. */
  void finish() {
    flush();
    if (acknowledgementDue) {
      control(BatchHeader.ACKNOWLEDGE, answering());
    }
  }

  /**
   * Sends the acknowledgement that is due.
   *
   * @return whether something has waited too long: time for {@link #again}, or for another wire
   */
  boolean tick(long nowNs) {
    if (acknowledgementDue) {
      control(BatchHeader.ACKNOWLEDGE, answering());
    }
    if (kept.isEmpty()) {
      if (!waitingSinceTick) {
        patience(shorterPatience()); // whatever was sent took less than from tick to tick
      }
      waitingSinceTick = false;
      return false;
    }
    if (!waitingSinceTick) {
      waitingSinceTick = true;
      lastProgressNs = nowNs;
      return false;
    }
    if (timed == 0 && kept.sent() > 0) {
      timed = kept.get(kept.sent() - 1).sequence;
      timedSinceNs = nowNs;
    }
    if (wire == null || nowNs - lastProgressNs < (confirmed ? patienceNs : settings.resendNs())) {
      return false;
    }
    lastProgressNs = nowNs;
    if (confirmed) {
      patience(2 * patienceNs);
    }
    return true;
  }

  /**
   * Asks again who is there, or sends the oldest and the newest message that are on their way
   * again: a peer that has both says so, one that lacks what is between asks for it.
   */
  void again() {
    Wire out = wire;
    if (!confirmed) {
      control(BatchHeader.RESUME, out);
    } else if (inFlightBytes > 0 && out != null && out.ready()) {
      again(out, kept.get(0));
      if (kept.sent() > 1) {
        again(out, kept.get(kept.sent() - 1));
      }
    }
  }

  private void again(Wire out, SealedQueue.Sealed it) {
    counts.resent(1);
    counts.sent();
    send(out, BatchHeader.PACKETS, it.sequence, it.epoch, it.body, it.length);
  }
}
