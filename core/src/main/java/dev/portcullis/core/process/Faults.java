package dev.portcullis.core.process;

/**
 * Faults of the gateway on packets, for the log: one a second at most, with its stack; counters
 * have them all. Thread: one.
 */
public final class Faults {

  private static final System.Logger LOG = System.getLogger(Faults.class.getName());
  private static final long PAUSE_NS = 1_000_000_000L;

  private final String what;
  private long lastNs = System.nanoTime() - PAUSE_NS;

  /**
   * Makes it.
   *
   * @param what what has failed, such as {@code worker/0: a stage}
   */
  public Faults(String what) {
    this.what = what;
  }

  /** Something failed on a packet. */
  public void failed(long packet, RuntimeException fault) {
    long nowNs = System.nanoTime();
    if (nowNs - lastNs >= PAUSE_NS) {
      lastNs = nowNs;
      LOG.log(System.Logger.Level.ERROR, what + " failed on packet " + packet, fault);
    }
  }
}
