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
   * it.
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
