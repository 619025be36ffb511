package dev.portcullis.core.packet;

/**
 * Bits of {@link PacketBatch#flags}, as they travel on the wire (field {@code flags} of {@code
 * Packet}).
 */
public final class PacketFlags {

  /**
   * The port of entry wants to know what became of this frame: exactly one outcome goes back to it.
   */
  public static final int REPORT = 1;

  /** The way of the packet is written down in {@link PacketBatch#traceOffset}. */
  public static final int TRACE = 1 << 1;

  /**
   * This is no packet but the outcome of one: {@code reason} and {@code pieces} say what became of
   * it. {@code frameLength} is the number of frames held before whose outcomes this packet, or
   * time, has caused; they come with {@link #WAS_HELD}.
   */
  public static final int OUTCOME = 1 << 2;

  /** The frame is not IP, or of a link type that is not understood: {@code l2} has all of it. */
  public static final int NON_IP = 1 << 3;

  /** The link type of the frame is not understood; always together with {@link #NON_IP}. */
  public static final int UNKNOWN_LINK_TYPE = 1 << 4;

  /**
   * Passed on by a worker that has finished with it: the receiver records the path to the key in
   * {@code vHigh}, {@code vLow}, {@code trafficClass} and emits the packet at {@code tag}.
   */
  public static final int RECORD = 1 << 5;

  /**
   * Passed on by a worker that is not the owner: the receiver treats it as if it came in at its
   * ingress tag.
   */
  public static final int REDIRECTED = 1 << 6;

  /**
   * In an outcome: the frame is kept inside the gateway; its last outcome follows when a later
   * packet or time has decided about it.
   */
  public static final int HELD = 1 << 11;

  /**
   * In an outcome: the frame was joined with others into the datagram that goes on as the frame
   * whose number {@code data} has (8 bytes, big-endian); what becomes of that one becomes of this.
   */
  public static final int JOINED = 1 << 12;

  /** The gateway made this packet itself: an ICMP error, a reset, an answer to an echo request. */
  public static final int ORIGINATED = 1 << 13;

  /**
   * This is no packet but an event: {@code data} is one line of JSON in Suricata's EVE format,
   * {@code number} the frame that caused it, 0: time did; those are ordered by {@code
   * captureTimeNs} and {@code vLow} (start and number of the flow). In an outcome: an event of the
   * worker tells of the drop.
   */
  public static final int EVENT = 1 << 14;

  /**
   * Events that this frame causes go back to the port of entry as {@link #EVENT} rows instead of
   * into the log of the worker, with the next {@link #TICK}: a replay gathers them.
   */
  public static final int EVENTS = 1 << 15;

  /**
   * This is no packet but time: {@code captureTimeNs} has come. An IO module passes it to every
   * lane of every worker; what is due by then happens. With {@link #REPORT} each lane answers with
   * an outcome that has this flag, after all that it caused. With {@link #EVENTS}, {@code
   * frameLength} is how many bytes of events a lane may send now; {@code pieces} of the answer is 1
   * where more wait, for another tick. A time of 0 is none: only events are asked for.
   */
  public static final int TICK = 1 << 16;

  /**
   * This is no packet but a message of one worker to another (or to another shard of its own): the
   * first byte of {@code data} says which.
   */
  public static final int MESSAGE = 1 << 17;

  /**
   * An ICMP error, passed on by the tuple that it quotes: the receiver looks for the flow or the
   * path record of that tuple.
   */
  public static final int RELATED = 1 << 18;

  /**
   * The first packet of an announced connection, passed on together with {@link #REDIRECTED} to
   * where the connection lives that announced it: there it begins.
   */
  public static final int ANNOUNCED = 1 << 20;

  /**
   * A worker has put this datagram together from fragments and passed it on. The whole has the
   * length of its largest fragment in {@code frameLength}. On an inline pair the fragments
   * themselves are passed on, each with this flag, to leave as they came: they meet once more at
   * the receiver. With {@link #RECORD} they do not, and {@code frameLength} of the last is the
   * number of the others.
   */
  public static final int REASSEMBLED = 1 << 22;

  /**
   * The frame was held: in its outcome, the last one, this says that another outcome has announced
   * it (see {@link #OUTCOME}).
   */
  public static final int WAS_HELD = 1 << 23;

  /**
   * With {@link #TRACE}: the way is told in more detail than {@code paths.jsonl} has: the state of
   * the flow before the packet ({@code was:new}).
   */
  public static final int EXPLAIN = 1 << 24;

  /**
   * The TCP or UDP checksum is not in the packet yet: it comes from a host on this machine, or was
   * verified before it was joined with others into a super-packet. Nobody looks at it; the port
   * that puts the packet out computes it, or has a device do it.
   */
  public static final int CHECKSUM_MISSING = 1 << 19;

  /**
   * With {@link #REDIRECTED}: belongs to a flow that has moved to the receiver; the key is that of
   * the worker that began it and passed the packet on. With {@link #RECORD} too: the receiver has
   * no such flow and gives the packet back.
   */
  public static final int MOVED = 1 << 21;

  /**
   * The port of entry itself refuses this frame: {@code reason} is the id of the drop reason. Such
   * a row is counted and goes no further; the flag is never on the wire.
   */
  public static final int REFUSED = 1 << 25;

  /**
   * With {@link #MESSAGE}: about the replica that a worker has of the flows of another one ({@code
   * docs/elasticity.md}).
   */
  public static final int REPLICA = 1 << 26;

  /** Shift of the number of workers that the packet went through before this one (3 bits). */
  public static final int HOPS_SHIFT = 8;

  /** Mask of the number of workers, after the shift. */
  public static final int HOPS_MASK = 7;

  private PacketFlags() {}

  /** Returns how many workers passed the packet on before this one: 0 to 7. */
  public static int hops(int flags) {
    return flags >>> HOPS_SHIFT & HOPS_MASK;
  }

  /** Returns {@code flags} with the number of workers one higher. */
  public static int withOneHopMore(int flags) {
    return flags + (1 << HOPS_SHIFT);
  }
}
