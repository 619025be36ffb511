package dev.portcullis.core.elastic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.elastic.ControlMessage.Ask;
import dev.portcullis.core.elastic.ControlMessage.Begin;
import dev.portcullis.core.elastic.ControlMessage.Commit;
import dev.portcullis.core.elastic.ControlMessage.Generation;
import dev.portcullis.core.elastic.ControlMessage.Guarding;
import dev.portcullis.core.elastic.ControlMessage.Order;
import dev.portcullis.core.elastic.ControlMessage.Prepare;
import dev.portcullis.core.elastic.ControlMessage.Retire;
import dev.portcullis.core.elastic.ControlMessage.State;
import dev.portcullis.core.elastic.ControlMessage.Takeover;
import dev.portcullis.core.link.ModuleId;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ChangeCoordinatorTest {

  private static final long TERM = 2;
  private static final Life W0 = new Life(ModuleId.worker(0), 1, 1);
  private static final Life W1 = new Life(ModuleId.worker(1), 2, 1);
  private static final Life W2 = new Life(ModuleId.worker(2), 1, 1);
  private static final Members BOTH = new Members(7, List.of(W0, W1));
  private static final Members THREE = new Members(8, List.of(W0, W1, W2));

  /** What a successor is told that begins while the change to three is being completed. */
  private static final List<Order> BEGINS_IN_THE_MIDDLE =
      List.of(
          new Ask(TERM),
          new Begin(TERM, BOTH, THREE, true),
          new Prepare(TERM, BOTH, THREE),
          new Commit(TERM, 8));

  private final Map<Life, List<Order>> orders = new LinkedHashMap<>();

  private void order(Life to, Order order) {
    orders.computeIfAbsent(to, it -> new ArrayList<>()).add(order);
  }

  private ChangeCoordinator asks(Life... modules) {
    return new ChangeCoordinator(TERM, List.of(modules), Timing.DEFAULT, this::order);
  }

  private static State state(Life from, Members now, @Nullable Members next, boolean committed) {
    return new State(from, TERM, now, next, committed, false, List.of(), List.of());
  }

  /** Of a life that has left by the change after {@code now}. */
  private static State left(Life from, Members now) {
    return new State(from, TERM, now, null, false, true, List.of(), List.of());
  }

  /** A successor that has been told nothing: the order that it begins with was refused. */
  private static State nothing(Life from) {
    return state(from, Members.NONE, null, false);
  }

  @Test
  void shouldLetASuccessorBeginThatHasHeardOfNoTableWhereNoChangeIsInProgress() {
    ChangeCoordinator coordinator = asks(W0, W1);
    coordinator.answer(nothing(W1));
    coordinator.answer(state(W0, BOTH, null, false));
    assertEquals(
        List.of(new Ask(TERM), new Begin(TERM, BOTH, null, false), new Retire(TERM, 7)),
        orders.get(W1));
    assertEquals(List.of(new Ask(TERM), new Retire(TERM, 7)), orders.get(W0));
  }

  @Test
  void shouldLetASuccessorBeginInTheMiddleOfAChangeAheadOfPrepare() {
    ChangeCoordinator coordinator = asks(W0, W1, W2);
    coordinator.answer(nothing(W1));
    coordinator.answer(state(W2, BOTH, THREE, true));
    coordinator.answer(state(W0, BOTH, THREE, true));
    assertEquals(BEGINS_IN_THE_MIDDLE, orders.get(W1));
    assertEquals(
        List.of(new Ask(TERM), new Prepare(TERM, BOTH, THREE), new Commit(TERM, 8)),
        orders.get(W2));
  }

  @Test
  void shouldLetTheSuccessorOfAJoinerBeginWhoIsToGetAgainWhatTheFirstHadTaken() {
    ChangeCoordinator coordinator = asks(W0, W1, W2);
    coordinator.answer(nothing(W2));
    coordinator.answer(state(W1, BOTH, THREE, true));
    coordinator.answer(state(W0, BOTH, THREE, true));
    assertEquals(BEGINS_IN_THE_MIDDLE, orders.get(W2));
  }

  @Test
  void shouldLetNobodyBeginWhoHasNoPlace() {
    ChangeCoordinator coordinator = asks(W0, W1, W2);
    coordinator.answer(nothing(W2));
    coordinator.answer(state(W1, BOTH, null, false));
    coordinator.answer(state(W0, BOTH, null, false));
    assertEquals(List.of(new Ask(TERM)), orders.get(W2));
  }

  /** Who has left was not told that the first life of IO 1 has ended. */
  @Test
  void shouldTellTheNextLifeOfAnIoModuleOfTheChangeThatItJoinsBy() {
    Life first = new Life(ModuleId.io(1), 1, 1);
    Life next = new Life(ModuleId.io(1), 2, 1);
    Life gone = new Life(ModuleId.io(2), 1, 1);
    Members before = new Members(7, List.of(W0));
    Members coming = new Members(8, List.of(W0, next));
    ChangeCoordinator coordinator = asks(W0, next, gone);
    coordinator.answer(state(next, before, coming, true));
    coordinator.answer(left(gone, new Members(7, List.of(W0, first))));
    coordinator.answer(state(W0, before, coming, true));
    assertEquals(
        List.of(new Ask(TERM), new Prepare(TERM, before, coming), new Commit(TERM, 8)),
        orders.get(next));
    assertTrue(orders.get(W0).containsAll(orders.get(next)));
    assertTrue(orders.get(W0).contains(new Generation(TERM, first, null)));
  }

  @Test
  void shouldBeginWithAFirstTableWhereOnlyThoseHaveOneThatHaveLeftByIt() {
    Life io = new Life(ModuleId.io(0), 1, 1);
    Life next = new Life(W0.module(), 2, 1);
    ChangeCoordinator coordinator = asks(io, next);
    coordinator.wanted(List.of(W0.module()));
    coordinator.answer(left(io, BOTH));
    coordinator.answer(nothing(next));
    // W1 has left, too, by a table that nobody knows any more, and does not come back
    Members first = new Members(7 + ChangeCoordinator.EPOCHS_LEFT_OUT + 1, List.of(next));
    assertEquals(List.of(new Ask(TERM), new Begin(TERM, first, null, false)), orders.get(next));
    assertTrue(coordinator.idle());
  }

  /** Who joins, and has its guardian, ends before the change is decided. */
  @Test
  void shouldLetAJoinerBeginAgainThatEndedAndWhomNobodyGoesOnFrom() {
    ChangeCoordinator coordinator = new ChangeCoordinator(1, BOTH, Timing.DEFAULT, this::order);
    coordinator.replicated();
    coordinator.attach(W2);
    coordinator.wanted(List.of(W0.module(), W1.module(), W2.module()));
    coordinator.answer(new Guarding(W0, W2, true));
    coordinator.ended(W2);
    assertFalse(orders.get(W0).contains(new Takeover(1, W2)));
    assertTrue(coordinator.mayBegin(W2.module()));
  }

  @Test
  void shouldLetAProcessBeginWhenAGuestThatWentOnHasNoPlaceAnyMore() {
    Life guest = new Life(W2.module(), 2, 1);
    ChangeCoordinator coordinator = asks(W0, W1);
    coordinator.replicated();
    coordinator.answer(new Guarding(W0, W2, true));
    coordinator.answer(state(W0, BOTH, THREE, false));
    coordinator.answer(state(W1, BOTH, null, false));
    assertTrue(orders.get(W0).contains(new Takeover(TERM, W2)));
    assertFalse(coordinator.mayBegin(W2.module()));
    // the change is given up: W2 does not say in time that it knows the table
    coordinator.tick(Timing.DEFAULT.prepareNs());
    assertFalse(coordinator.attachGuest(guest, W0, W2));
    assertTrue(coordinator.mayBegin(W2.module()));
  }

  @Test
  void shouldTakeAWorkerForUnprotectedWhoseGuardianHasEndedAndWhoseOtherMayHaveBeenDismissed() {
    ChangeCoordinator coordinator = new ChangeCoordinator(1, THREE, Timing.DEFAULT, this::order);
    coordinator.replicated();
    // W1 is the next in the ring; W2 has not said that it was dismissed
    coordinator.answer(new Guarding(W2, W0, true));
    assertEquals(Set.of(W2), coordinator.guardians(W0));
    coordinator.answer(new Guarding(W1, W0, true));
    assertEquals(Set.of(W1), coordinator.guardians(W0));
    coordinator.ended(W1);
    assertEquals(Set.of(), coordinator.guardians(W0));
    assertEquals(List.of(W0, W1, W2), coordinator.unprotected());
  }
}
