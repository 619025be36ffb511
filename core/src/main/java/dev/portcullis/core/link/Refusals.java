package dev.portcullis.core.link;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.counters.Reading;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Peers that one module refused, counted by cause. Refusals are rare and happen on the threads of
 * connections, so that any thread may call.
 */
final class Refusals implements MetricsSource {

  private final LinkObserver observer;
  private final AtomicLongArray counts = new AtomicLongArray(LinkFault.values().length);
  private final List<Reading> readings;

  Refusals(ModuleId self, LinkObserver observer) {
    this.observer = observer;
    List<Reading> list = new ArrayList<>();
    for (LinkFault fault : LinkFault.values()) {
      int at = fault.ordinal();
      list.add(
          new Reading(
              Counter.LINK_REFUSED, List.of(self.toString(), fault.label()), () -> counts.get(at)));
    }
    readings = List.copyOf(list);
  }

  /**
   * Counts a refusal and tells the observer.
   *
   * @param who who was refused: a module or an address
   * @param why what is wrong, in one sentence
   */
  void count(LinkFault fault, String who, String why) {
    counts.incrementAndGet(fault.ordinal());
    observer.refused(fault, who + ": " + why);
  }

  @Override
  public List<Reading> readings() {
    return readings;
  }
}
