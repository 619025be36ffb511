package dev.portcullis.worker.policy;

import dev.portcullis.core.policy.PolicySpec;
import java.util.List;

/**
 * Which connections are read as FTP control connections, and what they may announce. Immutable; the
 * shards share it.
 */
public final class FtpRules {

  /** RFC 959 section 8. */
  private static final int CONTROL_PORT = 21;

  private final int[] ports;
  private final boolean anyAddress;
  private final int leastPort;

  /** Compiles the settings. */
  public FtpRules(PolicySpec.Ftp spec) {
    List<Integer> listed = spec.tcpPorts().isEmpty() ? List.of(CONTROL_PORT) : spec.tcpPorts();
    ports = spec.follow() ? listed.stream().mapToInt(Integer::intValue).toArray() : new int[0];
    anyAddress = spec.announced() == PolicySpec.Announced.ANY;
    leastPort = spec.leastPort();
  }

  /** Whether a server listens for control connections at this TCP port, after DNAT. */
  public boolean isControl(int port) {
    for (int it : ports) {
      if (it == port) {
        return true;
      }
    }
    return false;
  }

  /** Whether an announcement may have another address than that of who announces it. */
  public boolean anyAddress() {
    return anyAddress;
  }

  /** The least port that may be announced. */
  public int leastPort() {
    return leastPort;
  }
}
