package dev.portcullis.worker.stage.stateful;

import dev.portcullis.worker.flow.FlowState;

/**
 * The states of a TCP connection as a gateway between the two sides sees them (RFC 9293 section
 * 3.3.2, from outside), in one table. {@code >} is a segment of the side that opened the
 * connection, {@code <} one of the other. What is no state: {@code ..} the segment passes and
 * changes nothing, because the receiver has to decide about it; {@code --} it cannot be.
 */
final class TcpTransitions {

  /** Kinds of segments: the rows of the table, forward ones before reverse ones. */
  static final int SYN = 0, SYN_ACK = 1, FIN = 2, ACK = 3, LAST = 4, RST = 5;

  /** Kind: flags that no segment has. */
  static final int NONSENSE = 6;

  private static final int KINDS = 6;

  /** {@link #next}: passes, changes nothing. */
  static final int KEEPS = 0;

  /** {@link #next}: cannot be. */
  static final int INVALID = -1;

  private static final String STATES = "SS S2 SR ES FW CW LA TW CL";

  // a segment that the closing side repeats is an ACK; LAST acknowledges the FIN of the other side
  private static final String[] ROWS = {
    //            SS S2 SR ES FW CW LA TW CL
    "> SYN        SS S2 .. .. .. .. .. .. ..", // opens; in a live connection: challenge ACK, RFC
    // 5961
    "> SYN-ACK    -- SR SR -- -- -- -- -- --", // only as the answer to a simultaneous SYN
    "> FIN        -- -- FW FW LA LA LA TW CL", // closes one direction, then the other
    "> ACK        -- -- ES ES FW CW LA TW CL", // completes the handshake; nothing to acknowledge
    // before
    "> LAST       -- -- ES ES CW CW TW TW CL", // the other side's FIN has arrived
    "> RST        CL CL CL CL CL CL CL CL CL", // where its sequence number is right: see TcpTracker
    "< SYN        S2 S2 -- -- -- -- -- -- --", // simultaneous open; otherwise the wrong way round
    "< SYN-ACK    SR SR .. .. .. .. .. .. ..", // answers; later ones are repeated or answer a SYN
    // that passed
    "< FIN        -- -- FW FW LA LA LA TW CL", // as above
    "< ACK        .. .. SR ES FW CW LA TW CL", // before the SYN-ACK: the other side is in an old
    // connection
    "< LAST       .. .. SR ES CW CW TW TW CL", // as above
    "< RST        CL CL CL CL CL CL CL CL CL", // as above
  };

  private static final byte[] TABLE = new byte[16 * 16];

  static {
    for (int row = 0; row < ROWS.length; row++) {
      for (int state = FlowState.TCP_SYN_SENT; state <= FlowState.TCP_CLOSED; state++) {
        int at = 13 + (state - 1) * 3;
        String cell = ROWS[row].substring(at, at + 2);
        int next =
            switch (cell) {
              case ".." -> KEEPS;
              case "--" -> INVALID;
              default -> STATES.indexOf(cell) / 3 + FlowState.TCP_SYN_SENT;
            };
        TABLE[row << 4 | state] = (byte) next;
      }
    }
  }

  private TcpTransitions() {}

  /**
   * Returns the state after a segment, {@link #KEEPS} or {@link #INVALID}.
   *
   * @param kind not {@link #NONSENSE}
   * @param direction 0: of the side that opened the connection, 1: of the other
   */
  static int next(int kind, int direction, int state) {
    return TABLE[kind + direction * KINDS << 4 | state];
  }
}
