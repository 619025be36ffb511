package dev.portcullis.standalone.replay;

import dev.portcullis.core.event.FlowId;
import dev.portcullis.core.wire.PacketHeader;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The flows of a replay that took a second hop, for people: the first {@link #MAX_FLOWS} of them.
 * Written by one thread.
 */
public final class FlowTally {

  /** The most flows that are told apart. */
  static final int MAX_FLOWS = 10_000;

  private final Set<Long> seen = new HashSet<>();
  private final Set<Long> movedIds = new HashSet<>();
  private final List<Moved> moved = new ArrayList<>();

  /**
   * A flow whose reply belongs to another worker.
   *
   * @param request its tuple as it came in
   * @param translated its tuple as it left
   * @param v V of the request, hexadecimal
   * @param first the worker that owns the request
   * @param second the worker that owns the reply
   * @param way what each worker did with the request, in words
   */
  public record Moved(
      String request, String translated, String v, int first, int second, String way) {}

  FlowTally() {}

  void saw(PacketHeader request) {
    if (seen.size() < MAX_FLOWS) {
      seen.add(FlowId.of(request));
    }
  }

  void moved(PacketHeader request, PacketHeader left, String v, List<Hop> hops) {
    if (moved.size() < MAX_FLOWS && movedIds.add(FlowId.of(request))) {
      moved.add(
          new Moved(
              PacketText.tuple(request),
              PacketText.tuple(left),
              v,
              hops.getFirst().worker(),
              hops.getLast().worker(),
              way(hops)));
    }
  }

  private static String way(List<Hop> hops) {
    StringBuilder way = new StringBuilder();
    for (Hop hop : hops) {
      way.append(way.isEmpty() ? "" : " → ")
          .append("worker ")
          .append(hop.worker())
          .append(" (")
          .append(String.join(", ", hop.did()))
          .append(')');
    }
    return way.toString();
  }

  /** Flows that were told apart, in both directions. */
  public int count() {
    return seen.size();
  }

  /** Those that took a second hop, in the order of their first packet. */
  public List<Moved> moved() {
    return moved;
  }
}
