package dev.portcullis.standalone.simulate;

import dev.portcullis.core.distribution.Lanes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/** Simulates for a number of hours, in episodes that differ in everything but the machines. */
public final class Simulator {

  /** Length of an episode before it comes to rest. */
  private static final long EPISODE_NS = 60 * Clockwork.SECOND;

  /** The most times that a failing episode is run again to find a shorter schedule. */
  private static final int ATTEMPTS = 400;

  private Simulator() {}

  /**
   * What a run came to.
   *
   * @param events that ran, one after the other
   * @param packets that came in
   * @param scaleEvents times that other workers were wanted
   * @param simulatedNs simulated time
   * @param digest of all that happened: equal for equal runs
   * @param dropped packets by reason
   * @param failure null: the invariants held
   */
  public record Report(
      long events,
      long packets,
      long scaleEvents,
      long simulatedNs,
      long digest,
      Map<String, Long> dropped,
      @Nullable Failure failure) {}

  /**
   * The first violation.
   *
   * @param seed of the episode
   * @param sentence what does not hold
   * @param schedule what has to happen for it
   * @param trace what was said last
   */
  public record Failure(long seed, String sentence, List<String> schedule, List<String> trace) {}

  /**
   * Runs until {@code simulatedNs} have been simulated, or an invariant does not hold.
   *
   * @param progress told the simulated time after each episode
   */
  public static Report run(long seed, long simulatedNs, LongConsumer progress) {
    return run(seed, simulatedNs, new Seams(), progress);
  }

  static Report run(long seed, long simulatedNs, Seams seams, LongConsumer progress) {
    long events = 0;
    long packets = 0;
    long scaleEvents = 0;
    long done = 0;
    long digest = 0;
    Map<String, Long> dropped = new TreeMap<>();
    Failure failure = null;
    for (long i = 0; done < simulatedNs && failure == null; i++) {
      Plan plan = Plan.of(Lanes.mix(seed * 1_000_003 + i), EPISODE_NS);
      Simulation.Outcome outcome = new Simulation(plan, seams, false).run();
      events += outcome.events();
      packets += outcome.packets();
      scaleEvents += plan.scaleEvents();
      done += outcome.simulatedNs();
      digest = Lanes.mix(digest ^ outcome.digest());
      outcome.dropped().forEach((reason, count) -> dropped.merge(reason, count, Long::sum));
      if (outcome.violation() != null) {
        failure = shrink(plan, seams);
      }
      progress.accept(done);
    }
    return new Report(events, packets, scaleEvents, done, digest, dropped, failure);
  }

  /** Leaves out of the schedule what the failure does not need. */
  private static Failure shrink(Plan failing, Seams seams) {
    Plan shortest = failing;
    int attempts = 0;
    for (int size = failing.happenings().size() / 2; size >= 1; size /= 2) {
      for (int from = 0; from < shortest.happenings().size() && attempts < ATTEMPTS; ) {
        List<Happening> fewer = new ArrayList<>(shortest.happenings());
        fewer.subList(from, Math.min(from + size, fewer.size())).clear();
        Plan candidate = shortest.with(fewer);
        attempts++;
        if (new Simulation(candidate, seams, false).run().violation() != null) {
          shortest = candidate;
        } else {
          from += size;
        }
      }
    }
    Simulation.Outcome outcome = new Simulation(shortest, seams, true).run();
    Violation violation = outcome.violation();
    return new Failure(
        failing.seed(),
        violation == null ? "the failure does not repeat" : String.valueOf(violation.getMessage()),
        shortest.happenings().stream().map(Happening::toString).toList(),
        outcome.trace());
  }
}
