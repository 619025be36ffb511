package dev.portcullis.standalone.simulate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Set;
import org.junit.jupiter.api.Test;

class SimulatorTest {

  private static final long HOUR = 3_600 * Clockwork.SECOND;

  @Test
  void shouldRunTheSameBitForBitWithTheSameSeed() {
    Simulator.Report first = Simulator.run(7, HOUR / 20, ns -> {});
    Simulator.Report second = Simulator.run(7, HOUR / 20, ns -> {});
    assertEquals(first, second);
    assertNotEquals(first.digest(), Simulator.run(8, HOUR / 20, ns -> {}).digest());
  }

  @Test
  void shouldHoldAllInvariantsOverTenThousandChangesUnderFaults() {
    Simulator.Report report = Simulator.run(1, 2 * HOUR, ns -> {});
    assertNull(report.failure());
    assertTrue(report.scaleEvents() > 10_000, report.scaleEvents() + " changes");
    assertTrue(report.packets() > 100_000, report.packets() + " packets");
  }

  @Test
  void shouldLoseNothingWhenNothingFailsButManyChangesAreWanted() {
    for (long seed = 0; seed < 50; seed++) {
      Plan plan = Plan.of(seed, 20 * Clockwork.SECOND);
      Plan calm =
          plan.with(
              plan.happenings().stream().filter(it -> it.kind() == Happening.Kind.SCALE).toList());
      Simulation.Outcome outcome = new Simulation(calm, new Seams(), false).run();
      assertNull(outcome.violation());
      assertTrue(
          (plan.holdBytes() < 1 << 20
                  ? Set.of("policy", "hold-overflow", "no-flow")
                  : Set.of("policy"))
              .containsAll(outcome.dropped().keySet()),
          seed + ": " + outcome.dropped());
    }
  }

  /** Seven workers and as many successors end within a second, in one change. */
  @Test
  void shouldGiveAgainWhatNobodyHadTakenWhereGiverAndTakerEndInOneChange() {
    assertHolds(4017035760642411678L);
  }

  /** A worker that has just begun, in a change that is decided, and a second coordinator. */
  @Test
  void shouldLetASuccessorBeginWhoseFirstOrderComesTooLateFromACoordinatorThatHasEnded() {
    assertHolds(-4153474418648835551L);
  }

  /** Two of a table end, one after the other, and who had the replica before is cut off. */
  @Test
  void shouldNotCountOnAGuardianThatWasDismissedAndCannotSayIt() {
    assertHolds(4795821158566105930L);
  }

  /** A worker ends, its next life before it is told a table, and a guardian is found late. */
  @Test
  void shouldGoOnFromAReplicaWhereALifeBetweenHadNoPlaceYet() {
    assertHolds(-5503090470410598750L);
  }

  /** An IO module that has left knows a life of another that has ended, whose next life joins. */
  @Test
  void shouldCompleteAChangeByWhichTheNextLifeOfAnIoModuleJoinsWhenTheCoordinatorEnds() {
    assertHolds(3984130420200379172L);
  }

  /**
   * The new coordinator asks, and does not know yet that an IO module has left that stands still.
   */
  @Test
  void shouldNotWantPacketsTakenByAnIoModuleThatHasLeftAndWasNotToldYet() {
    assertHolds(-2982694110543621499L);
  }

  /** It joined, had a guardian, and ended before the change was decided; its place comes later. */
  @Test
  void shouldNotWaitForAGuardianThatWasToGoOnFromAJoiner() {
    assertHolds(8823521792256146736L);
  }

  /** The only one of a table ends, and an IO module that left by an older one knows that alone. */
  @Test
  void shouldNotGoBackToATableThatOnlyThoseKnowWhoHaveLeftByIt() {
    assertHolds(-4284615894487666514L);
  }

  /** An episode of a minute has no violation. */
  private static void assertHolds(long episode) {
    Plan plan = Plan.of(episode, 60 * Clockwork.SECOND);
    assertNull(new Simulation(plan, new Seams(), false).run().violation());
  }
}
