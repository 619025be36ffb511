package dev.portcullis.core.process;

/**
 * Ports on which a worker takes the links of those whose flows it goes on with as their guardian:
 * one each, so there are as many at a time as there are ports.
 *
 * @param first 0 to 65535; 0 means any free ones, as many as it takes
 * @param last at least {@code first}
 */
public record GuestPorts(int first, int last) {

  /** Any that are free. */
  public static final GuestPorts ANY = new GuestPorts(0, 0);

  private static final int MAX_PORT = 0xffff;

  /** Just this port. */
  public static GuestPorts only(int port) {
    return new GuestPorts(port, port);
  }

  /**
   * Reads {@code first-last} or one port.
   *
   * @param option what the text was given as, for the message: {@code --guest-ports}
   * @param text the text
   * @throws ModuleException with exit code 2 when the text is something else
   */
  public static GuestPorts parse(String option, String text) throws ModuleException {
    if (text.matches("[0-9]{1,5}(-[0-9]{1,5})?")) {
      String[] parts = text.split("-");
      int first = Integer.parseInt(parts[0]);
      int last = Integer.parseInt(parts[parts.length - 1]);
      if (first > 0 && first <= last && last <= MAX_PORT) {
        return new GuestPorts(first, last);
      }
    }
    throw new ModuleException(
        ExitCode.USAGE,
        option + ": \"" + text + "\" is not a range of ports, 1 to 65535, such as 7501-7504");
  }

  /** Returns the text that {@link #parse} reads. */
  @Override
  public String toString() {
    return first + "-" + last;
  }
}
