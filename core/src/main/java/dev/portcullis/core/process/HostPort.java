package dev.portcullis.core.process;

/**
 * An address to listen on or to connect to.
 *
 * @param host name or address; an IPv6 address without brackets
 * @param port 0 to 65535; 0 means any free one, for listening only
 */
public record HostPort(String host, int port) {

  /**
   * Reads {@code host:port} or {@code [IPv6 address]:port}.
   *
   * @param option what the text was given as, for the message: {@code --listen}
   * @param text the text
   * @throws ModuleException with exit code 2 when the text is something else
   */
  public static HostPort parse(String option, String text) throws ModuleException {
    int colon = text.lastIndexOf(':');
    if (colon > 0) {
      String host = text.substring(0, colon);
      boolean bracketed = host.startsWith("[") && host.endsWith("]");
      String name = bracketed ? host.substring(1, host.length() - 1) : host;
      int port = port(text.substring(colon + 1));
      if (port >= 0 && !name.isEmpty() && (bracketed || name.indexOf(':') < 0)) {
        return new HostPort(name, port);
      }
    }
    throw new ModuleException(
        ExitCode.USAGE,
        option
            + ": \""
            + text
            + "\" is not host:port with a port of 0 to 65535 ([address]:port for IPv6)");
  }

  private static int port(String text) {
    try {
      int port = Integer.parseInt(text);
      return port <= 0xffff && Character.isDigit(text.charAt(0)) ? port : -1;
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  /** Returns the text that {@link #parse} reads. */
  @Override
  public String toString() {
    return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + port;
  }
}
