package dev.portcullis.core.event;

/** What an event of type {@code flow} says of a flow. Mutable and reused; one thread. */
public final class FlowFigures {

  public long packetsToServer;
  public long packetsToClient;

  /** Bytes of IP packets of the requests. */
  public long bytesToServer;

  /** Bytes of IP packets of the replies. */
  public long bytesToClient;

  /** Capture time of the first packet. */
  public long startNs;

  /** Capture time of the last packet. */
  public long endNs;

  /** As Suricata has it: {@code new}, {@code established} or {@code closed}. */
  public String state = "new";

  /** Why it ended: {@code timeout}, {@code tcp_reuse}, {@code forced} or {@code shutdown}. */
  public String reason = "timeout";

  /** Makes one of zeros. */
  public FlowFigures() {}
}
