package dev.portcullis.core.distribution;

import java.util.List;
import java.util.Map;

/**
 * The default table of the protocol differentiator (patent, F10): which ports a traffic class has
 * that is named after a protocol and lists none itself. Only classes that the configuration names
 * exist; this table adds none.
 */
public final class WellKnownPorts {

  /**
   * Ports of a protocol.
   *
   * @param tcp TCP ports
   * @param udp UDP ports
   */
  public record Ports(List<Integer> tcp, List<Integer> udp) {}

  private static final Ports NONE = new Ports(List.of(), List.of());

  private static final Map<String, Ports> BY_NAME =
      Map.of(
          "http", new Ports(List.of(80, 8080), List.of()),
          "smtp", new Ports(List.of(25, 587), List.of()),
          "pop3", new Ports(List.of(110), List.of()),
          "imap", new Ports(List.of(143), List.of()),
          "ftp", new Ports(List.of(21), List.of()),
          "dns", new Ports(List.of(53), List.of(53)),
          "tls", new Ports(List.of(443), List.of()));

  private WellKnownPorts() {}

  /**
   * Returns the ports of the protocol {@code name} (lower case); both lists are empty for one that
   * is not in the table.
   */
  public static Ports of(String name) {
    return BY_NAME.getOrDefault(name, NONE);
  }
}
