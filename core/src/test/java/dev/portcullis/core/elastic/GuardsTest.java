package dev.portcullis.core.elastic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.link.ModuleId;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class GuardsTest {

  private static final Life W0 = new Life(ModuleId.worker(0), 1, 1);
  private static final Life W1 = new Life(ModuleId.worker(1), 1, 1);
  private static final Life W2 = new Life(ModuleId.worker(2), 1, 1);

  private final Guards guards = new Guards();

  @Test
  void shouldFindTheNextInTheRingForEachWorker() {
    List<Life> all = List.of(W2, W0, W1);
    assertEquals(Map.of(W0, W1, W1, W2, W2, W0), guards.changes(all, all));
  }

  @Test
  void shouldTellOnlyThoseWhoseGuardianIsAnother() {
    guards.changes(List.of(W0, W1), List.of(W0, W1));
    assertEquals(Map.of(W1, W2, W2, W0), guards.changes(List.of(W0, W1, W2), List.of(W0, W1, W2)));
  }

  @Test
  void shouldFindNobodyForTheOnlyWorker() {
    assertEquals(Map.of(), guards.changes(List.of(W0), List.of(W0)));
  }

  @Test
  void shouldFindAGuardianInAnotherProcessThanItsOwn() {
    Life guest = new Life(ModuleId.worker(1), 2, 1);
    guards.hosted(guest, W2);
    assertEquals(
        Map.of(W0, W2, guest, W0, W2, W0),
        guards.changes(List.of(W0, guest, W2), List.of(W0, guest, W2)));
  }

  @Test
  void shouldTakeAWorkerForGuardedOnlyWhenTheGuardianItWasToldHasAll() {
    guards.changes(List.of(W0), List.of(W0, W1, W2));
    guards.guarding(W2, W0, true);
    assertFalse(guards.isGuarded(W0, W2));
    assertFalse(guards.isGuarded(W0, W1));
    guards.guarding(W1, W0, true);
    assertTrue(guards.isGuarded(W0, W1));
  }

  @Test
  void shouldLetTheGuardianGoOnThatHasAll() {
    guards.guarding(W1, W0, false);
    guards.guarding(W2, W0, true);
    assertEquals(W2, guards.takeOver(W0));
    assertTrue(guards.isTakenOver(W0.module()));
    assertEquals(List.of(W0), guards.takenOverBy(W2));
  }

  @Test
  void shouldLetNobodyGoOnWhoseReplicaIsNotFullAnyMore() {
    guards.guarding(W1, W0, true);
    guards.guarding(W1, W0, false);
    assertNull(guards.takeOver(W0));
    assertFalse(guards.isTakenOver(W0.module()));
  }

  @Test
  void shouldTurnToAnotherReplicaWhenTheGuardianIsGone() {
    guards.guarding(W1, W0, true);
    guards.guarding(W2, W0, true);
    assertEquals(W1, guards.takeOver(W0));
    guards.gone(W1);
    assertEquals(W2, guards.takeOver(W0));
    guards.gone(W2);
    assertNull(guards.takeOver(W0));
  }

  @Test
  void shouldCountOnNobodyWhomTheWorkerMayHaveDismissed() {
    guards.guarding(W2, W0, true);
    assertEquals(Set.of(W2), guards.protectorsOf(W0));
    guards.changes(List.of(W0), List.of(W0, W1, W2));
    assertEquals(Set.of(W2), guards.protectorsOf(W0));
    guards.guarding(W1, W0, true);
    assertEquals(Set.of(W1), guards.protectorsOf(W0));
    assertEquals(Set.of(W1, W2), guards.replicasOf(W0));
    guards.gone(W1);
    assertEquals(Set.of(), guards.protectorsOf(W0));
  }

  @Test
  void shouldCountOnAGuardianThatHadAllBeforeTheWorkerWasToldAndNoLongerOnOthers() {
    guards.guarding(W1, W0, true);
    guards.guarding(W2, W0, true);
    guards.changes(List.of(W0), List.of(W0, W1));
    assertEquals(Set.of(W1), guards.protectorsOf(W0));
  }

  @Test
  void shouldCountAgainOnAGuardianThatWasDismissedOnlyWhenItSaysThatItHasAll() {
    guards.guarding(W1, W0, true);
    guards.changes(List.of(W0), List.of(W0, W1));
    guards.changes(List.of(W0), List.of(W0, W2));
    guards.guarding(W2, W0, true);
    assertEquals(Set.of(W2), guards.protectorsOf(W0));
    guards.changes(List.of(W0), List.of(W0, W1));
    assertEquals(Set.of(W2), guards.protectorsOf(W0));
    guards.guarding(W1, W0, false);
    guards.guarding(W1, W0, true);
    assertEquals(Set.of(W1), guards.protectorsOf(W0));
  }

  @Test
  void shouldRatherLetGoOnWhoCannotHaveBeenDismissed() {
    guards.changes(List.of(W0), List.of(W0, W2));
    guards.guarding(W1, W0, true);
    guards.guarding(W2, W0, true);
    assertEquals(W2, guards.takeOver(W0));
    guards.gone(W2);
    assertEquals(W1, guards.takeOver(W0));
  }

  @Test
  void shouldForgetTheReplicasOfALifeThatHasASuccessor() {
    guards.guarding(W1, W0, true);
    guards.takeOver(W0);
    guards.replaced(W0);
    assertFalse(guards.isTakenOver(W0.module()));
    assertEquals(Set.of(), guards.replicasOf(W0));
  }

  @Test
  void shouldTellAGuardianAgainWhoHasASuccessor() {
    guards.changes(List.of(W0), List.of(W0, W1));
    guards.replaced(W0);
    Life successor = new Life(ModuleId.worker(0), 2, 1);
    assertEquals(Map.of(successor, W1), guards.changes(List.of(successor), List.of(W0, W1)));
  }
}
