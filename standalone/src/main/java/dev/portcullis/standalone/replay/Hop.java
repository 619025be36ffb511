package dev.portcullis.standalone.replay;

import dev.portcullis.core.packet.PacketBatch;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * One worker on the way of a packet.
 *
 * @param worker its identification number
 * @param in the logical interface that the packet came in by; empty where another worker passed it
 *     on
 * @param did what was done there, in order
 */
public record Hop(int worker, String in, List<String> did) {

  /** Copies the list. */
  public Hop {
    did = List.copyOf(did);
  }

  /** Reads the trace of an outcome; empty where none was asked for. */
  static List<Hop> of(PacketBatch outcomes, int o) {
    return parse(
        new String(
            outcomes.traceBytes,
            outcomes.traceOffset[o],
            outcomes.traceLength[o],
            StandardCharsets.UTF_8));
  }

  /** Reads a trace: {@code w0 lg-lan:dnat,acl:web;w2 :record}. */
  static List<Hop> parse(String trace) {
    List<Hop> hops = new ArrayList<>(2);
    for (String part : trace.split(";", -1)) {
      int space = part.indexOf(' ');
      int colon = part.indexOf(':', space + 1);
      if (space > 1 && colon >= 0) {
        String did = part.substring(colon + 1);
        hops.add(
            new Hop(
                Integer.parseInt(part.substring(1, space)),
                part.substring(space + 1, colon),
                did.isEmpty() ? List.of() : List.of(did.split(",", -1))));
      }
    }
    return hops;
  }
}
