package dev.portcullis.switching.management;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.elastic.ControlMessage.Gone;
import dev.portcullis.core.elastic.ControlMessage.Guard;
import dev.portcullis.core.elastic.ControlMessage.Guarded;
import dev.portcullis.core.elastic.ControlMessage.Guarding;
import dev.portcullis.core.elastic.ControlMessage.Takeover;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.link.ModuleId;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Who keeps a replica, and who goes on where a worker is gone. */
class GuardiansTest {

  private static final long TERM = 7;
  private static final long MS = 1_000_000;

  private final Guardians guardians = new Guardians(TERM);

  private static Life worker(int number, long generation) {
    return new Life(ModuleId.worker(number), generation, 1);
  }

  private static Member member(Life it) {
    return new Member(it.module().number(), it.generation(), "127.0.0.1", 7000, 1);
  }

  @BeforeEach
  void threeWorkersWithFullReplicas() {
    for (int i = 0; i < 3; i++) {
      attached(null, worker(i, 100));
    }
    guardians.table(
        List.of(member(worker(0, 100)), member(worker(1, 100)), member(worker(2, 100))));
    assertEquals(List.of("0 " + guard(1), "1 " + guard(2), "2 " + guard(0)), said());
    for (int i = 0; i < 3; i++) {
      guardians.guarding(new Guarding(worker((i + 1) % 3, 100), worker(i, 100), true));
    }
    assertEquals(3, said().stream().filter(it -> it.contains("Guarded")).count());
  }

  /** A worker is there, and has a table soon. */
  private void attached(@Nullable Life before, Life it) {
    guardians.attached(before, it);
    guardians.acknowledged(it);
  }

  private static Guard guard(int number) {
    return new Guard(TERM, worker(number, 100));
  }

  private List<String> said() {
    List<String> all = new ArrayList<>();
    for (TableChange.Outgoing it : guardians.orders()) {
      all.add(it.to().module().number() + " " + it.order().order());
    }
    return all;
  }

  /** What is said but for who is to guard whom. */
  private List<String> news() {
    return said().stream().filter(it -> !it.contains(" Guard[")).toList();
  }

  @Test
  void shouldTellTheGuardianOfAWorkerThatDoesNotComeBackAgainAndAgain() {
    guardians.detached(ModuleId.worker(1), 0);
    guardians.tick(50 * MS);
    assertEquals(List.of(), said());
    String goOn = "2 " + new Takeover(TERM, worker(1, 100));
    guardians.tick(150 * MS);
    assertEquals(List.of(goOn), news());
    guardians.tick(250 * MS);
    assertEquals(List.of(), said());
    guardians.tick(500 * MS);
    assertEquals(List.of(goOn), news());
  }

  @Test
  void shouldTellNobodyOfAWorkerThatIsBack() {
    guardians.detached(ModuleId.worker(1), 0);
    attached(worker(1, 100), worker(1, 100));
    assertEquals(List.of("1 " + guard(2), "1 " + new Guarded(TERM, worker(2, 100))), said());
    guardians.tick(1000 * MS);
    assertEquals(List.of(), said());
  }

  @Test
  void shouldTellTheOthersOfAWorkerThatNobodyCanGoOnFrom() {
    guardians.guarding(new Guarding(worker(2, 100), worker(1, 100), false));
    guardians.detached(ModuleId.worker(1), 0);
    guardians.tick(150 * MS);
    Gone gone = new Gone(TERM, worker(1, 100));
    assertEquals(List.of("0 " + gone, "2 " + gone), news());
  }

  @Test
  void shouldNotAskAGuardianThatIsAwayItself() {
    guardians.detached(ModuleId.worker(1), 0);
    guardians.detached(ModuleId.worker(2), 0);
    guardians.tick(150 * MS);
    assertEquals(
        List.of("0 " + new Gone(TERM, worker(1, 100)), "0 " + new Takeover(TERM, worker(2, 100))),
        news());
  }

  @Test
  void shouldKeepAProcessOfItsOwnOutWhileAWorkerGoesOnAtItsGuardian() {
    Life own = worker(1, 5000);
    assertNotNull(guardians.occupied(worker(1, 100), own, 0));
    guardians.tick(0);
    assertEquals(List.of("2 " + new Takeover(TERM, worker(1, 100))), news());
    Life guest = worker(1, 101);
    assertNull(guardians.occupied(worker(1, 100), guest, 0));
    attached(worker(1, 100), guest);
    guardians.table(List.of(member(worker(0, 100)), member(guest), member(worker(2, 100))));
    assertNotNull(guardians.occupied(guest, own, 0));
    guardians.table(List.of(member(worker(0, 100)), member(worker(2, 100))));
    guardians.detached(ModuleId.worker(1), 0);
    assertNull(guardians.occupied(guest, own, 0));
  }

  @Test
  void shouldGiveAWorkerAnotherGuardianWhereItsOwnGoesOnElsewhere() {
    guardians.detached(ModuleId.worker(1), 0);
    guardians.tick(150 * MS);
    List<String> said = said();
    Life guest = worker(1, 101);
    attached(worker(1, 100), guest);
    guardians.table(List.of(member(worker(0, 100)), member(guest), member(worker(2, 100))));
    List<String> later = said();
    assertTrue(said.contains("0 " + guard(2)), said::toString);
    assertTrue(later.contains("1 " + guard(0)), later::toString);
  }

  @Test
  void shouldNotTrustAReplicaOfAWorkerThatDidNotWaitForIt() {
    guardians.detached(ModuleId.worker(2), 0);
    guardians.guarding(new Guarding(worker(0, 100), worker(2, 100), false));
    guardians.tick(150 * MS);
    said();
    guardians.guarding(new Guarding(worker(1, 100), worker(1, 100), false));
    attached(worker(2, 100), worker(2, 100));
    guardians.guarding(new Guarding(worker(2, 100), worker(1, 100), true));
    said();
    guardians.detached(ModuleId.worker(1), 200 * MS);
    guardians.tick(350 * MS);
    assertEquals(
        0, said().stream().filter(it -> it.contains("Takeover")).count(), "out of date, but told");
    attached(worker(1, 100), worker(1, 100));
    guardians.guarding(new Guarding(worker(2, 100), worker(1, 100), false));
    guardians.guarding(new Guarding(worker(2, 100), worker(1, 100), true));
    said();
    guardians.detached(ModuleId.worker(1), 400 * MS);
    guardians.tick(550 * MS);
    assertEquals(List.of("2 " + new Takeover(TERM, worker(1, 100))), news());
  }

  @Test
  void shouldAskNobodyForAReplicaBeforeBothHaveATable() {
    Guardians some = new Guardians(TERM);
    for (int i = 0; i < 2; i++) {
      some.attached(null, worker(i, 100));
    }
    some.table(List.of(member(worker(0, 100)), member(worker(1, 100))));
    some.acknowledged(worker(0, 100));
    assertEquals(List.of(), some.orders());
    some.acknowledged(worker(1, 100));
    assertEquals(2, some.orders().size());
  }
}
