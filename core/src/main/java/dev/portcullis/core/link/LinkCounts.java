package dev.portcullis.core.link;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.Counters;
import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.counters.Reading;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;

/**
 * The numbers of one link: its streams, and the channel that they carry. A link is named after its
 * ends, {@code io/0-worker/2.1} from the side of this module; only workers have more than one lane,
 * so only theirs is said.
 *
 * <p>Thread: the loop of the lane counts, any reads.
 */
final class LinkCounts implements MetricsSource {

  private final String link;
  private final Counters counters = new Counters(4);
  private final int connects;
  private final int sent;
  private final int resent;
  private final int received;
  private volatile List<Reading> readings;

  LinkCounts(ModuleId self, int lane, ModuleId peer, int peerLane) {
    link = end(self, lane) + "-" + end(peer, peerLane);
    connects = counters.slot(Counter.LINK_CONNECTS, link);
    readings = counters.readings();
    sent = counters.slot(Counter.LINK_BATCHES_SENT, link);
    resent = counters.slot(Counter.LINK_BATCHES_RESENT, link);
    received = counters.slot(Counter.LINK_BATCHES_RECEIVED, link);
  }

  private static String end(ModuleId module, int lane) {
    return module.kind() == ModuleId.Kind.WORKER ? module + "." + lane : module.toString();
  }

  /** The link carries a channel of its own from now on, not only those of other modules. */
  void carries(LongSupplier pendingBytes) {
    List<Reading> all = new ArrayList<>(counters.readings());
    all.add(new Reading(Counter.LINK_QUEUE_BYTES, List.of(link), pendingBytes));
    readings = List.copyOf(all);
  }

  void connected() {
    counters.increment(connects);
  }

  void sent() {
    counters.increment(sent);
  }

  void resent(int batches) {
    counters.add(resent, batches);
  }

  void received() {
    counters.increment(received);
  }

  /** Times that a batch was sent again. */
  long resentSoFar() {
    return counters.get(resent);
  }

  @Override
  public List<Reading> readings() {
    return readings;
  }
}
