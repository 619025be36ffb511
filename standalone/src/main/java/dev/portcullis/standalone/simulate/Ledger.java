package dev.portcullis.standalone.simulate;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * I2: every packet that came in has left, was dropped for a reason, was lost with a life, or is
 * inside.
 */
final class Ledger {

  private final Clockwork clock;
  private final Map<String, Long> reasons = new TreeMap<>();
  private long received;
  private final Keyed<Packet> inside = new Keyed<>();

  Ledger(Clockwork clock) {
    this.clock = clock;
  }

  /** A packet came in at a port. */
  void received(Packet packet) {
    received++;
    inside.put(packet.number, packet);
    packet.flow.inside++;
  }

  /** A packet has left by a port. I3. */
  void delivered(Packet packet) {
    int[] last = packet.flow.lastDelivered;
    int direction = packet.reply ? 1 : 0;
    if (packet.sequence <= last[direction]) {
      throw new Violation("I3", packet + " left after " + last[direction]);
    }
    last[direction] = packet.sequence;
    settled(packet);
  }

  /** A packet was dropped. */
  void dropped(Packet packet, String reason) {
    reasons.merge(reason, 1L, Long::sum);
    settled(packet);
  }

  /** A packet was lost with a life that had it, or was to get it. */
  void lost(Packet packet, String reason) {
    packet.flow.broken = true;
    dropped(packet, reason);
  }

  private void settled(Packet packet) {
    if (packet.at == null) {
      throw new Violation("I2", packet + " left twice");
    }
    packet.at = null;
    inside.remove(packet.number);
    packet.flow.inside--;
    clock.note(packet.number);
  }

  long received() {
    return received;
  }

  /** The packets that have not been accounted for yet. */
  List<Packet> allInside() {
    List<Packet> all = new ArrayList<>();
    inside.forEach(it -> all.add(it.value));
    return all;
  }

  int inside() {
    return inside.size();
  }

  Map<String, Long> reasons() {
    return reasons;
  }
}
