package dev.portcullis.core.process;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What one module needs to know to run as a process of its own.
 *
 * @param name name of the IO module in {@code spec.io}, or the number of the worker or switch
 * @param files documents of the configuration, at least one
 * @param listen where links are accepted
 * @param advertise what other modules connect to; null: what {@code listen} turns out to be
 * @param switches link addresses of the switches by their numbers, 1 to 8; empty for a switch
 * @param identity certificates of the links, or plain text
 * @param feed where an IO module gets recorded frames from instead of its ports; null: from its
 *     ports
 * @param guests where a worker takes the links of those that it goes on with
 */
public record ModuleSettings(
    String name,
    List<Path> files,
    HostPort listen,
    @Nullable HostPort advertise,
    List<HostPort> switches,
    LinkIdentity identity,
    @Nullable HostPort feed,
    GuestPorts guests) {

  private static final int MAX_SWITCHES = 8;

  /**
   * Checks texts as they come from options, environment or configuration.
   *
   * @throws ModuleException with exit code 2 when one is not well-formed or a required one is
   *     missing
   */
  public static ModuleSettings of(
      String name,
      List<Path> files,
      String listen,
      @Nullable String advertise,
      List<String> switches,
      LinkIdentity identity,
      @Nullable String feed)
      throws ModuleException {
    if (files.isEmpty()) {
      throw new ModuleException(
          ExitCode.USAGE, "-f FILE is missing: the configuration of the gateway");
    }
    if (switches.size() > MAX_SWITCHES) {
      throw new ModuleException(
          ExitCode.USAGE,
          "--switch is there " + switches.size() + " times; allowed is up to " + MAX_SWITCHES);
    }
    HostPort[] relays = new HostPort[switches.size()];
    for (int i = 0; i < relays.length; i++) {
      relays[i] = HostPort.parse("--switch", switches.get(i));
    }
    return new ModuleSettings(
        name,
        List.copyOf(files),
        HostPort.parse("--listen", listen),
        advertise == null ? null : HostPort.parse("--advertise", advertise),
        List.of(relays),
        identity,
        feed == null ? null : HostPort.parse("--feed", feed),
        GuestPorts.ANY);
  }

  /** Returns the same with other ports for guests. */
  public ModuleSettings withGuests(GuestPorts ports) {
    return new ModuleSettings(name, files, listen, advertise, switches, identity, feed, ports);
  }
}
