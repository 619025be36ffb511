package dev.portcullis.worker.pipeline;

import dev.portcullis.core.policy.GatewaySpec.Protocol;
import java.util.Arrays;

/**
 * What the first bytes of a TCP connection tell, byte by byte: a tree whose nodes are states of one
 * direction. A state is all that has to be kept of bytes that were read, so a signature may come in
 * any number of segments. A signature has {@link #LONGEST} bytes at most.
 *
 * <ul>
 *   <li>{@code http}: a client's method (RFC 9110 section 9.3, RFC 5789) and the beginning of a
 *       target (RFC 9112 section 3.2), which RTSP and SIP have another one of; or the preface of
 *       HTTP/2 (RFC 9113 section 3.4).
 *   <li>{@code tls}: a client's record of a handshake, versions 3.0 to 3.4, that begins with a
 *       ClientHello (RFC 8446 sections 4 and 5.1).
 *   <li>{@code ssh}: {@code SSH-} from either side (RFC 4253 section 4.2).
 *   <li>{@code smtp}: a client's {@code EHLO} or {@code HELO} (RFC 5321 section 4.1.1.1). A
 *       server's {@code 220} is FTP's too.
 *   <li>{@code pop3}: a server's {@code +OK} (RFC 1939 section 3).
 *   <li>{@code imap}: a server's {@code * OK} or {@code * PREAUTH} (RFC 9051 section 7.1).
 * </ul>
 *
 * <p>Any thread.
 */
final class Signatures {

  /** State: these bytes begin no signature. */
  static final int NOTHING = 0;

  /** State: no byte of the side that opened the connection was read. */
  static final int CLIENT = 1;

  /** State: no byte of the other side was read. */
  static final int SERVER = 2;

  /** The most bytes of a signature. */
  static final int LONGEST = 12;

  /** The most states: they fit into a byte, with one to spare. */
  static final int STATES = 160;

  /** Next state by state and byte; from {@link #FOUND} on, a protocol. */
  private static final byte[] NEXT = new byte[STATES * 256];

  private static final int FOUND = 240;
  private static int used = SERVER + 1;

  /** Stands for any byte. */
  private static final char ANY = '\uffff';

  static {
    for (String method : new String[] {"GET", "POST", "PUT", "HEAD", "DELETE", "PATCH", "TRACE"}) {
      add(CLIENT, method + " /", Protocol.HTTP);
      add(CLIENT, method + " http", Protocol.HTTP);
    }
    add(CLIENT, "OPTIONS /", Protocol.HTTP);
    add(CLIENT, "OPTIONS *", Protocol.HTTP);
    add(CLIENT, "CONNECT ", Protocol.HTTP);
    add(CLIENT, "PRI * HTTP/2", Protocol.HTTP);
    for (char minor = 0; minor <= 4; minor++) {
      add(CLIENT, "\u0016\u0003" + minor + ANY + ANY + "\u0001", Protocol.TLS);
    }
    add(CLIENT, "SSH-", Protocol.SSH);
    add(SERVER, "SSH-", Protocol.SSH);
    for (String greeting : new String[] {"EHLO ", "Ehlo ", "ehlo ", "HELO ", "Helo ", "helo "}) {
      add(CLIENT, greeting, Protocol.SMTP);
    }
    add(SERVER, "+OK", Protocol.POP3);
    add(SERVER, "* OK", Protocol.IMAP);
    add(SERVER, "* PREAUTH", Protocol.IMAP);
  }

  private Signatures() {}

  private static void add(int root, String text, Protocol it) {
    int state = root;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      boolean isLast = i == text.length() - 1;
      int known = c == ANY ? next(state, 0) : next(state, c);
      int to = known != NOTHING ? known : isLast ? FOUND + it.ordinal() : used++;
      if (c == ANY) {
        Arrays.fill(NEXT, state << 8, state + 1 << 8, (byte) to);
      } else {
        NEXT[state << 8 | c] = (byte) to;
      }
      state = to;
    }
  }

  private static int next(int state, int octet) {
    return NEXT[state << 8 | octet] & 0xff;
  }

  /**
   * Reads bytes of a direction and returns its state; it no longer changes when it {@link #isOver}.
   *
   * @param state {@link #CLIENT}, {@link #SERVER}, or what this method returned
   */
  static int read(int state, byte[] bytes, int from, int to) {
    int now = state;
    for (int i = from; i < to && !isOver(now); i++) {
      now = next(now, bytes[i] & 0xff);
    }
    return now;
  }

  /** Whether no further byte can tell more. */
  static boolean isOver(int state) {
    return state == NOTHING || state >= FOUND;
  }

  /** Returns what was found, as the number of the constant; 0 ({@code NONE}) where nothing was. */
  static int found(int state) {
    return state >= FOUND ? state - FOUND : Protocol.NONE.ordinal();
  }
}
