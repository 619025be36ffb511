package dev.portcullis.switching.management;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.management.Directive;
import dev.portcullis.core.management.ModuleHello;
import dev.portcullis.core.management.proto.Blocked;
import dev.portcullis.core.management.proto.ChangeAnswer;
import dev.portcullis.core.management.proto.Share;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.policy.GatewaySpec.Pool;
import dev.portcullis.switching.management.Refusal.Cause;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class CoordinatorTest {

  private long timeNs = 1;
  private Coordinator coordinator = coordinator(Gateways.gateway(3, null));

  @Test
  void shouldHaveNoTableBeforeAllWorkersSaidHello() {
    accept(Gateways.worker(2, 1));
    accept(Gateways.lan());
    accept(Gateways.worker(0, 1));
    assertEquals(0, coordinator.newest().epoch());
    assertEquals(List.of(1), coordinator.status().missing());
  }

  @Test
  void shouldPublishEpoch1WhenAllReplicasSaidHelloAndQuantityIsAuto() {
    workers(3);
    Directive newest = coordinator.newest();
    assertEquals(1, newest.epoch());
    assertEquals(0, newest.previousEpoch());
    assertEquals(new Member(1, 1, "127.0.0.1", 7001, 1), newest.workers().get(1));
    assertEquals(3, newest.workers().size());
  }

  @Test
  void shouldTakeNSetByTheAdministratorAndKeepTheOtherWorkersOutOfTheTable() {
    coordinator = coordinator(Gateways.gateway(5, 2));
    accept(Gateways.worker(4, 1));
    workers(2);
    assertEquals(List.of(0, 1), numbers());
    accept(Gateways.worker(3, 1));
    assertEquals(1, coordinator.newest().epoch());
  }

  @Test
  void shouldWaitForTheWorkersOfEveryPool() {
    coordinator = coordinator(Gateways.gateway(1, null, new Pool("web", 100, 2)));
    accept(Gateways.worker(0, 1));
    accept(Gateways.worker(100, 1));
    assertEquals(0, coordinator.newest().epoch());
    accept(Gateways.worker(101, 1));
    assertEquals(List.of(0, 100, 101), numbers());
  }

  @Test
  void shouldMakeANewTableWhenAWorkerComesBackYounger() {
    workers(3);
    coordinator.detach(ModuleId.worker(1));
    accept(Gateways.worker(1, 2));
    assertEquals(2, coordinator.newest().epoch());
    assertEquals(1, coordinator.newest().previousEpoch());
    assertEquals(2, coordinator.newest().workers().get(1).generation());
  }

  @Test
  void shouldMakeANewTableWhenAWorkerComesBackAtAnotherAddress() {
    workers(3);
    accept(ModuleHello.worker(1, 1, "127.0.0.1", 9999, 1));
    assertEquals(2, coordinator.newest().epoch());
    assertEquals(9999, coordinator.newest().workers().get(1).port());
  }

  @Test
  void shouldKeepTheTableWhenAWorkerComesBackAsItWas() {
    workers(3);
    coordinator.detach(ModuleId.worker(1));
    accept(Gateways.worker(1, 1));
    assertEquals(1, coordinator.newest().epoch());
  }

  @Test
  void shouldKeepTheTableWhenAWorkerOnlyGoesAway() {
    workers(3);
    coordinator.detach(ModuleId.worker(1));
    assertEquals(1, coordinator.newest().epoch());
    assertEquals(3, coordinator.newest().workers().size());
    assertFalse(coordinator.status().attached().contains(ModuleId.worker(1)));
  }

  @Test
  void shouldKeepTheTableWhenAnIoModuleComesBackYounger() {
    workers(3);
    accept(Gateways.lan());
    accept(ModuleHello.io(0, 2, Map.of("lan", 0)));
    assertEquals(1, coordinator.newest().epoch());
  }

  @Test
  void shouldRefuseALowerGeneration() {
    workers(3);
    accept(Gateways.worker(1, 5));
    assertEquals(Cause.STALE_GENERATION, refusal(Gateways.worker(1, 4)).cause());
    assertEquals(5, coordinator.newest().workers().get(1).generation());
  }

  @Test
  void shouldRefuseAWorkerThatTheConfigurationDoesNotHave() {
    assertEquals(Cause.UNKNOWN_MODULE, refusal(Gateways.worker(3, 1)).cause());
  }

  @Test
  void shouldRefuseAnIoModuleThatTheConfigurationDoesNotHave() {
    assertEquals(Cause.UNKNOWN_MODULE, refusal(ModuleHello.io(2, 1, Map.of())).cause());
  }

  @Test
  void shouldRefuseAKindThatTakesNoTable() {
    ModuleHello feed =
        new ModuleHello(
            new ModuleId(ModuleId.Kind.FEED, 0), 1, "", 0, 0, Map.of(), 0, 0, List.of());
    assertEquals(Cause.UNKNOWN_MODULE, refusal(feed).cause());
  }

  @Test
  void shouldRefuseAWorkerWithoutAnAddress() {
    assertEquals(Cause.MALFORMED, refusal(ModuleHello.worker(0, 1, "", 7000, 1)).cause());
    assertEquals(Cause.MALFORMED, refusal(ModuleHello.worker(0, 1, "h", 0, 1)).cause());
    assertEquals(Cause.MALFORMED, refusal(ModuleHello.worker(0, 1, "h", 70_000, 1)).cause());
    assertEquals(Cause.MALFORMED, refusal(ModuleHello.worker(0, 1, "h", 7000, 0)).cause());
  }

  @Test
  void shouldRefuseAnIoModuleWhoseTagsAreNotThoseOfTheConfiguration() {
    Refusal refusal = refusal(ModuleHello.io(0, 1, Map.of("lan", 7)));
    assertEquals(Cause.CONTRADICTION, refusal.cause());
    assertEquals("io/0 must have port lan with tag 0; it says tag 7", refusal.sentence());
    assertEquals(
        Cause.CONTRADICTION, refusal(ModuleHello.io(0, 1, Map.of("lan", 0, "x", 3))).cause());
  }

  @Test
  void shouldNotLetARefusedModuleChangeAnything() {
    ControlStatus before = coordinator.status();
    refusal(Gateways.worker(17, 1));
    assertEquals(before, coordinator.status());
  }

  @Test
  void shouldSayWhoAcknowledgedWhichEpoch() {
    workers(3);
    assertNull(coordinator.acknowledge(ModuleId.worker(0), 1));
    assertNull(coordinator.acknowledge(ModuleId.worker(2), 1));
    assertEquals(
        Map.of(ModuleId.worker(0), 1, ModuleId.worker(1), 0, ModuleId.worker(2), 1),
        coordinator.status().acknowledged());
    assertFalse(coordinator.status().settled());
    assertNull(coordinator.acknowledge(ModuleId.worker(1), 1));
    assertTrue(coordinator.status().settled());
  }

  @Test
  void shouldForgetTheAcknowledgementOfAModuleThatCameBackYounger() {
    workers(3);
    coordinator.acknowledge(ModuleId.worker(0), 1);
    accept(Gateways.worker(0, 2));
    assertEquals(0, coordinator.status().acknowledged().get(ModuleId.worker(0)));
  }

  @Test
  void shouldRefuseTheAcknowledgementOfAnEpochThatDoesNotExist() {
    workers(3);
    assertNotNull(coordinator.acknowledge(ModuleId.worker(0), 2));
    assertNotNull(coordinator.acknowledge(ModuleId.worker(0), 0));
    assertNotNull(coordinator.acknowledge(ModuleId.worker(0), -1));
  }

  @Test
  void shouldRefuseTheAcknowledgementOfAModuleThatIsNotAttached() {
    workers(3);
    assertNotNull(coordinator.acknowledge(ModuleId.io(0), 1));
  }

  @Test
  void shouldGoOnAboveTheEpochsOfItsFormerLife() {
    accept(Gateways.worker(0, 1).holding(5, 17, List.of()));
    accept(Gateways.worker(1, 1).holding(6, 17, List.of()));
    accept(Gateways.worker(2, 1).holding(5, 17, List.of()));
    assertEquals(7, coordinator.newest().epoch());
    assertEquals(6, coordinator.newest().previousEpoch());
  }

  @Test
  void shouldGoAboveTheEpochOfAModuleThatComesLateFromItsFormerLife() {
    workers(3);
    accept(Gateways.lan().holding(1, 17, List.of()));
    assertEquals(2, coordinator.newest().epoch());
    accept(Gateways.lan().holding(9, 17, List.of()));
    assertEquals(10, coordinator.newest().epoch());
  }

  /** A worker was here long ago, when the gateway began, and then all were at another switch. */
  @Test
  void shouldGoOnWithTheTableOfAnotherSwitchWhenAllItsWorkersHaveCome() {
    coordinator.tick(1);
    accept(Gateways.worker(1, 1));
    coordinator.tick(20_000_000_000L);
    coordinator.detach(ModuleId.worker(1));
    int before = coordinator.newest().epoch();
    for (int number : new int[] {2, 0}) {
      accept(Gateways.worker(number, 1).holding(5, 17, table(3)));
    }
    coordinator.tick(25_000_000_000L);
    assertEquals(before, coordinator.newest().epoch());
    assertTrue(coordinator.isGathering());
    accept(Gateways.worker(1, 1).holding(5, 17, table(3)));
    assertEquals(List.of(0, 1, 2), numbers());
    assertEquals(6, coordinator.newest().epoch());
  }

  @Test
  void shouldNotAwaitTheWorkersOfTheTableOfAnotherSwitchForEver() {
    coordinator.tick(1);
    accept(Gateways.lan().holding(5, 17, table(3)));
    accept(Gateways.worker(0, 1).holding(5, 17, table(3)));
    coordinator.tick(20_000_000_000L);
    assertEquals(0, coordinator.newest().epoch(), "most are elsewhere");
    accept(Gateways.worker(2, 1).holding(5, 17, table(3)));
    assertEquals(List.of(0, 1, 2), numbers());
    accept(Gateways.worker(1, 2));
    assertEquals(2, coordinator.newest().workers().get(1).generation());
  }

  /** Worker 2 was here, began anew at another switch, and ended with that. */
  @Test
  void shouldTakeTheLifeThatATableHasForOneThatWasHereBefore() {
    workers(3);
    coordinator.tick(1);
    for (int number = 0; number < 3; number++) {
      coordinator.detach(ModuleId.worker(number));
    }
    List<Member> later =
        List.of(table(3).get(0), table(3).get(1), new Member(2, 5, "127.0.0.1", 9999, 1));
    accept(Gateways.worker(0, 1).holding(9, 17, later));
    accept(Gateways.worker(1, 1).holding(9, 17, later));
    coordinator.tick(20_000_000_000L);
    assertEquals(later, coordinator.newest().workers());
  }

  @Test
  void shouldForgetItsOwnTableForALaterOneOfAnotherSwitch() {
    coordinator = coordinator(Gateways.gateway(5, null));
    coordinator.tick(1);
    workers(2);
    coordinator.tick(10_000_000_002L);
    assertEquals(List.of(0, 1), numbers());
    coordinator.detach(ModuleId.worker(0));
    coordinator.detach(ModuleId.worker(1));
    for (int number = 0; number < 5; number++) {
      assertEquals(List.of(0, 1), numbers());
      accept(Gateways.worker(number, 1).holding(9, 17, table(5)));
    }
    assertEquals(List.of(0, 1, 2, 3, 4), numbers());
    assertEquals(List.of(), steps());
  }

  private static List<Member> table(int workers) {
    return IntStream.range(0, workers)
        .mapToObj(it -> new Member(it, 1, "127.0.0.1", 7000 + it, 1))
        .toList();
  }

  @Test
  void shouldKeepTheTableForAModuleThatAlreadyHasIt() {
    workers(3);
    accept(Gateways.lan().holding(1, coordinator.newest().term(), List.of()));
    assertEquals(1, coordinator.newest().epoch());
  }

  @Test
  void shouldPublishAChangedConfiguration() {
    workers(3);
    coordinator.configure(Gateways.gateway(3, null), "changed");
    assertEquals(2, coordinator.newest().epoch());
    assertEquals("changed", coordinator.newest().policyYaml());
    assertEquals(Directive.digest("changed"), coordinator.newest().policyDigest());
  }

  @Test
  void shouldKeepTheOldTableUntilAllWorkersOfALargerQuantityAreThere() {
    workers(3);
    coordinator.configure(Gateways.gateway(4, 4), "four");
    assertEquals(1, coordinator.newest().epoch());
    accept(Gateways.worker(3, 1));
    assertEquals(1, coordinator.newest().epoch());
    allSay(4, ChangeAnswer.newBuilder().setEpoch(2).setPrepared(true));
    allSay(4, ChangeAnswer.newBuilder().setEpoch(2).setDone(true));
    assertEquals(2, coordinator.newest().epoch());
    assertEquals(List.of(0, 1, 2, 3), numbers());
    assertEquals("four", coordinator.newest().policyYaml());
  }

  @Test
  void shouldTakeEveryModuleThroughAChangeOfQuantityStepByStep() {
    coordinator = coordinator(Gateways.gateway(3, 2));
    workers(3);
    accept(Gateways.lan());
    coordinator.linked(ModuleId.io(0), List.of(new Life(ModuleId.worker(2), 1, 1)));
    quantity(3);
    assertEquals(List.of("Prepare", "Prepare", "Prepare", "Prepare"), steps());
    allSay(2, ChangeAnswer.newBuilder().setEpoch(2).setPrepared(true));
    coordinator.answer(
        Gateways.lan(), ChangeAnswer.newBuilder().setEpoch(2).setPrepared(true).build(), 0);
    assertEquals(List.of(), steps());
    coordinator.answer(
        Gateways.worker(2, 1), ChangeAnswer.newBuilder().setEpoch(2).setPrepared(true).build(), 0);
    assertEquals(List.of("Commit", "Commit", "Commit", "Commit"), steps());
    assertFalse(coordinator.workersFollow(), "who is new waits");
    allSay(3, ChangeAnswer.newBuilder().setEpoch(2).setDone(true));
    assertEquals(List.of(0, 1), numbers());
    coordinator.answer(
        Gateways.lan(), ChangeAnswer.newBuilder().setEpoch(2).setDone(true).build(), 0);
    assertEquals(List.of("Retire", "Retire", "Retire", "Retire"), steps());
    assertEquals(List.of(0, 1, 2), numbers());
    assertEquals(2, coordinator.newest().epoch());
  }

  @Test
  void shouldSayTheStepsOfAChangeAgainToAModuleWhoseStreamWasBroken() {
    coordinator = coordinator(Gateways.gateway(3, 2));
    workers(3);
    quantity(3);
    assertEquals(3, steps().size());
    coordinator.detach(ModuleId.worker(1));
    accept(Gateways.worker(1, 1));
    assertEquals(List.of("Prepare"), steps());
  }

  @Test
  void shouldGiveAChangeUpWhenOneThatTakesPartHasBegunAnewAfterTheSwitch() {
    coordinator = coordinator(Gateways.gateway(3, 2));
    workers(3);
    quantity(3);
    allSay(3, ChangeAnswer.newBuilder().setEpoch(2).setPrepared(true));
    steps();
    accept(Gateways.worker(1, 2));
    assertEquals(List.of(), steps());
    assertEquals(List.of(0, 1, 2), numbers());
    assertEquals(2, coordinator.newest().workers().get(1).generation());
    assertTrue(coordinator.newest().epoch() > 2, "the number of the change is not used again");
    assertEquals(ScaleEvent.Result.GIVEN_UP, coordinator.events().getFirst().result());
  }

  @Test
  void shouldPutAChangeOffWhenOneThatTakesPartHasBegunAnewBeforeTheSwitch() {
    coordinator = coordinator(Gateways.gateway(3, 2));
    workers(3);
    quantity(3);
    allSay(1, ChangeAnswer.newBuilder().setEpoch(2).setPrepared(true));
    steps();
    accept(Gateways.worker(1, 2));
    assertEquals(List.of(0, 1), numbers(), "the table before holds on");
    assertEquals(2, coordinator.newest().workers().get(1).generation());
    assertEquals(ScaleEvent.Result.ABORTED, coordinator.events().getFirst().result());
    assertEquals(List.of(), stepsNow(), "not all know the life that has begun anew");
    follow();
    assertEquals(List.of("Prepare", "Prepare", "Prepare"), steps());
  }

  @Test
  void shouldBeginAChangeWhenAllWorkByTheTableThatItBeginsWith() {
    coordinator = coordinator(Gateways.gateway(3, 2));
    workers(3);
    accept(Gateways.lan());
    coordinator.linked(ModuleId.io(0), List.of(new Life(ModuleId.worker(2), 1, 1)));
    coordinator.quantity(3);
    coordinator.acknowledge(ModuleId.worker(0), 1);
    coordinator.acknowledge(ModuleId.worker(1), 1);
    assertEquals(List.of(), stepsNow());
    coordinator.acknowledge(ModuleId.io(0), 1);
    assertEquals(List.of("Prepare", "Prepare", "Prepare", "Prepare"), stepsNow());
  }

  @Test
  void shouldGiveAChangeUpThatTakesTooLong() {
    coordinator = coordinator(Gateways.gateway(3, 2));
    workers(3);
    coordinator.tick(1);
    quantity(3);
    allSay(3, ChangeAnswer.newBuilder().setEpoch(2).setPrepared(true));
    coordinator.tick(29_000_000_000L);
    assertEquals(List.of(0, 1), numbers());
    coordinator.tick(31_000_000_000L);
    assertEquals(List.of(0, 1, 2), numbers());
  }

  @Test
  void shouldChangeToTheNewestQuantityThatWasWantedMeanwhile() {
    coordinator = coordinator(Gateways.gateway(3, 1));
    workers(3);
    quantity(2);
    quantity(3);
    allSay(3, ChangeAnswer.newBuilder().setEpoch(2).setPrepared(true));
    allSay(3, ChangeAnswer.newBuilder().setEpoch(2).setDone(true));
    assertEquals(List.of(0, 1), numbers());
    allSay(3, ChangeAnswer.newBuilder().setEpoch(3).setPrepared(true));
    allSay(3, ChangeAnswer.newBuilder().setEpoch(3).setDone(true));
    assertEquals(List.of(0, 1, 2), numbers());
  }

  @Test
  void shouldSayTheDirectiveThatAChangeBeginsWithBeforeItsSteps() {
    coordinator = coordinator(Gateways.gateway(3, 2));
    workers(3);
    coordinator.configure(Gateways.gateway(3, 3), "other");
    assertEquals(2, coordinator.newest().epoch());
    assertEquals("other", coordinator.newest().policyYaml());
    assertEquals(List.of(0, 1), numbers());
    assertEquals(List.of(), stepsNow());
    follow();
    assertEquals(List.of("Prepare", "Prepare", "Prepare"), steps());
    allSay(3, ChangeAnswer.newBuilder().setEpoch(3).setPrepared(true));
    allSay(3, ChangeAnswer.newBuilder().setEpoch(3).setDone(true));
    assertEquals(List.of(0, 1, 2), numbers());
    assertEquals(3, coordinator.newest().epoch());
  }

  @Test
  void shouldHandOverAfterAChangeThatCouldNotBe() {
    coordinator = coordinator(Gateways.gateway(3, 2));
    workers(3);
    coordinator.tick(1);
    quantity(3);
    allSay(2, ChangeAnswer.newBuilder().setEpoch(2).setPrepared(true));
    coordinator.tick(6_000_000_000L); // worker 2 does not know the table
    assertEquals(List.of(0, 1), numbers());
    steps();
    quantity(1);
    assertEquals(List.of("Prepare", "Prepare"), steps());
    int epoch = coordinator.newest().epoch() + 1;
    assertTrue(epoch > 2, "the number of the change is not used again");
    allSay(2, ChangeAnswer.newBuilder().setEpoch(epoch).setPrepared(true));
    allSay(2, ChangeAnswer.newBuilder().setEpoch(epoch).setDone(true));
    assertEquals(List.of(0), numbers());
  }

  private void change(int epoch, int members) {
    allSay(members, ChangeAnswer.newBuilder().setEpoch(epoch).setPrepared(true));
    allSay(members, ChangeAnswer.newBuilder().setEpoch(epoch).setDone(true));
  }

  @Test
  void shouldTakeAWorkerThatLeavesOutByAChangeAndInAgainWhenItIsBack() {
    coordinator = coordinator(Gateways.gateway(3, null));
    workers(3);
    leave(ModuleId.worker(1));
    assertEquals(List.of("Prepare", "Prepare", "Prepare"), steps());
    change(2, 3);
    assertEquals(List.of(0, 2), numbers());
    coordinator.detach(ModuleId.worker(1));
    assertEquals(List.of(0, 2), numbers());
    steps();
    accept(Gateways.worker(1, 2));
    assertEquals(List.of("Prepare", "Prepare", "Prepare"), steps());
  }

  @Test
  void shouldPutTheNextThatWaitsInThePlaceOfOneThatLeaves() {
    coordinator = coordinator(Gateways.gateway(4, 2));
    workers(4);
    leave(ModuleId.worker(0));
    change(2, 3);
    assertEquals(List.of(1, 2), numbers());
  }

  @Test
  void shouldLetAllLeaveOneAfterTheOtherButTheLast() {
    coordinator = coordinator(Gateways.gateway(3, null));
    workers(3);
    for (int number = 0; number < 3; number++) {
      leave(ModuleId.worker(number));
    }
    change(2, 3);
    change(3, 3);
    assertEquals(List.of(2), numbers());
    assertEquals(3, coordinator.newest().epoch());
  }

  @Test
  void shouldKeepTheTableOfOneThatLeavesUntilAllAreThereToHandOver() {
    coordinator = coordinator(Gateways.gateway(3, null));
    workers(3);
    coordinator.detach(ModuleId.worker(2));
    leave(ModuleId.worker(1));
    assertEquals(List.of(), steps());
    assertEquals(1, coordinator.newest().epoch());
    coordinator.configure(Gateways.gateway(3, null), "other");
    assertEquals(List.of(0, 1, 2), numbers());
    assertEquals(2, coordinator.newest().epoch());
    accept(Gateways.worker(2, 1));
    assertEquals(List.of("Prepare", "Prepare", "Prepare"), steps());
  }

  @Test
  void shouldKeepThePlaceOfOneThatHasLeftWhenNothingCouldBeHandedOver() {
    coordinator = coordinator(Gateways.gateway(3, null));
    workers(3);
    coordinator.detach(ModuleId.worker(2));
    leave(ModuleId.worker(1));
    coordinator.detach(ModuleId.worker(1));
    coordinator.tick(31_000_000_000L);
    assertEquals(1, coordinator.newest().epoch());
    accept(Gateways.worker(1, 2));
    assertEquals(List.of(0, 1, 2), numbers());
    assertEquals(2, coordinator.newest().epoch());
    assertEquals(List.of(), steps());
  }

  @Test
  void shouldWaitWithAnotherQuantityForAWorkerThatIsAway() {
    coordinator = coordinator(Gateways.gateway(3, 2));
    workers(3);
    coordinator.detach(ModuleId.worker(1));
    quantity(3);
    assertEquals(List.of(), steps());
    assertEquals(1, coordinator.newest().epoch());
    accept(Gateways.worker(1, 2));
    assertEquals(List.of("Prepare", "Prepare", "Prepare"), steps());
    assertEquals(2, coordinator.newest().workers().get(1).generation(), "its new life is in");
  }

  @Test
  void shouldNotWaitForEverForAWorkerThatIsAway() {
    coordinator = coordinator(Gateways.gateway(3, 3));
    workers(3);
    coordinator.detach(ModuleId.worker(2));
    quantity(2);
    coordinator.tick(29_000_000_000L);
    assertEquals(List.of(0, 1, 2), numbers());
    coordinator.tick(31_000_000_000L);
    assertEquals(List.of(0, 1), numbers());
  }

  @Test
  void shouldTakeAnIoModuleThatLeavesOutByAChangeOfTheSameWorkersAndInAgainWhenItIsBack() {
    coordinator = coordinator(Gateways.gateway(3, null));
    workers(3);
    accept(Gateways.lan());
    leave(ModuleId.io(0));
    assertEquals(List.of("Prepare", "Prepare", "Prepare", "Prepare"), steps());
    lanSays(ChangeAnswer.newBuilder().setEpoch(2).setPrepared(true));
    change(2, 3);
    lanSays(ChangeAnswer.newBuilder().setEpoch(2).setDone(true));
    assertEquals(List.of("Commit", "Retire"), stepsFor(ModuleId.io(0)));
    assertEquals(List.of(0, 1, 2), numbers());
    assertEquals(List.of(ModuleId.io(0)), coordinator.events().getFirst().leaving());
    coordinator.detach(ModuleId.io(0));
    assertEquals(2, coordinator.newest().epoch());
    accept(ModuleHello.io(0, 2, Map.of("lan", 0)));
    assertEquals(List.of(), steps(), "who comes takes the table as it is");
    quantity(2);
    assertEquals(4, steps().size(), "and takes part in the next change");
  }

  @Test
  void shouldHaveNoPartInAChangeForAnIoModuleThatHasLeft() {
    coordinator = coordinator(Gateways.gateway(3, 3));
    workers(3);
    accept(Gateways.lan());
    leave(ModuleId.io(0));
    lanSays(ChangeAnswer.newBuilder().setEpoch(2).setPrepared(true));
    change(2, 3);
    lanSays(ChangeAnswer.newBuilder().setEpoch(2).setDone(true));
    steps();
    quantity(2);
    assertEquals(List.of(), stepsFor(ModuleId.io(0)));
    change(3, 3);
    assertEquals(List.of(0, 1), numbers());
  }

  private void lanSays(ChangeAnswer.Builder answer) {
    coordinator.answer(Gateways.lan(), answer.build(), timeNs);
  }

  @Test
  void shouldTellWhatAChangeMovedHowLongItBlockedAndWhoWasLate() {
    coordinator = coordinator(Gateways.gateway(3, 2));
    workers(3);
    coordinator.tick(1_000_000_000L);
    quantity(3);
    timeNs = 1_020_000_000L;
    allSay(3, ChangeAnswer.newBuilder().setEpoch(2).setPrepared(true));
    Share.Builder share =
        Share.newBuilder().setFlowsMoved(7).setFlowsBroken(1).setHeld(5).setBlockedNs(3_000_000);
    share.addBlocked(Blocked.newBuilder().setFrom(1).setTo(2).setLane(7).setNs(3_000_000));
    for (int number = 0; number < 3; number++) {
      timeNs += 10_000_000;
      coordinator.answer(
          Gateways.worker(number, 1),
          ChangeAnswer.newBuilder().setEpoch(2).setDone(true).setShare(share).build(),
          timeNs);
      share.setBlockedNs(2_000_000).clearBlocked();
    }
    assertEquals(
        "{\"time\":\"now\",\"epoch\":2,\"from\":2,\"to\":3,\"workers_before\":[0, 1],"
            + "\"workers_wanted\":[0, 1, 2],\"io_leaving\":[],\"result\":\"done\",\"flows_moved\":21,"
            + "\"flows_broken\":3,\"packets_held\":15,\"blocked_ms\":3.0,"
            + "\"blocked\":[{\"from\":1,\"to\":2,\"lane\":7,\"ms\":3.0}],\"switched_ms\":20.0,"
            + "\"duration_ms\":50.0,\"done\":[{\"module\":\"worker/2\",\"ms\":50.0},"
            + "{\"module\":\"worker/1\",\"ms\":40.0},{\"module\":\"worker/0\",\"ms\":30.0}],"
            + "\"not_done\":[]}",
        coordinator.events().getFirst().toJson("now"));
    assertEquals(List.of(), coordinator.events());
  }

  @Test
  void shouldTellWhoWasAwaitedWhenAChangeWasGivenUp() {
    coordinator = coordinator(Gateways.gateway(3, 2));
    workers(3);
    coordinator.tick(1);
    quantity(3);
    allSay(3, ChangeAnswer.newBuilder().setEpoch(2).setPrepared(true));
    allSay(1, ChangeAnswer.newBuilder().setEpoch(2).setDone(true));
    coordinator.tick(31_000_000_000L);
    ScaleEvent event = coordinator.events().getFirst();
    assertEquals(ScaleEvent.Result.GIVEN_UP, event.result());
    assertEquals(List.of(ModuleId.worker(1), ModuleId.worker(2)), event.waitedFor());
  }

  /** What the first workers answer. */
  private void allSay(int count, ChangeAnswer.Builder answer) {
    follow();
    for (int number = 0; number < count; number++) {
      coordinator.answer(Gateways.worker(number, 1), answer.build(), timeNs);
    }
    follow();
  }

  private List<String> steps() {
    follow();
    return stepsNow();
  }

  /** As {@link #steps}, where not all work by the newest table. */
  private List<String> stepsNow() {
    return coordinator.steps().stream().map(CoordinatorTest::nameOf).toList();
  }

  private List<String> stepsFor(ModuleId module) {
    return coordinator.steps().stream()
        .filter(it -> it.to().module().equals(module))
        .map(CoordinatorTest::nameOf)
        .toList();
  }

  private static String nameOf(TableChange.Outgoing it) {
    return it.order().order().getClass().getSimpleName();
  }

  @Test
  void shouldGiveAPlaceToAWorkerOnlyWhenEveryIoModuleHasLinksToItsLife() {
    workers(3);
    accept(Gateways.lan());
    accept(ModuleHello.io(1, 1, Map.of("wan", 1)));
    coordinator.configure(Gateways.gateway(4, null), "four");
    accept(Gateways.worker(3, 2));
    assertEquals(List.of(3), joining());
    Life life = new Life(ModuleId.worker(3), 2, 1);
    coordinator.linked(ModuleId.io(0), List.of(life));
    coordinator.linked(ModuleId.io(1), List.of(new Life(ModuleId.worker(3), 1, 1)));
    assertEquals(List.of(), steps());
    coordinator.linked(ModuleId.io(1), List.of(life));
    assertEquals(Collections.nCopies(6, "Prepare"), steps());
  }

  @Test
  void shouldWaitInAMeshForTheLinksOfTheWorkersOfTheTableAndNotForThoseThatComeToo() {
    coordinator = coordinator(Gateways.mesh(2));
    workers(2);
    assertTrue(coordinator.opensLinks(ModuleId.worker(0)));
    coordinator.configure(Gateways.mesh(4), "four");
    accept(Gateways.worker(2, 1));
    accept(Gateways.worker(3, 1));
    assertEquals(List.of(2, 3), joining());
    Life life = new Life(ModuleId.worker(2), 1, 1);
    coordinator.linked(ModuleId.worker(0), List.of(life));
    assertEquals(List.of(), steps());
    coordinator.linked(ModuleId.worker(1), List.of(life));
    assertEquals(Collections.nCopies(3, "Prepare"), steps());
  }

  @Test
  void shouldNotLetWorkersOpenLinksToEachOtherWhereSwitchesRelay() {
    assertFalse(coordinator.opensLinks(ModuleId.worker(0)));
    assertTrue(coordinator.opensLinks(ModuleId.io(0)));
  }

  @Test
  void shouldNotWaitForTheLinksOfAnIoModuleThatIsAway() {
    workers(3);
    accept(Gateways.lan());
    coordinator.configure(Gateways.gateway(4, null), "four");
    accept(Gateways.worker(3, 1));
    assertEquals(List.of(), steps());
    coordinator.detach(ModuleId.io(0));
    assertEquals(Collections.nCopies(4, "Prepare"), steps());
  }

  @Test
  void shouldTakeTheWorkersThatAreThereWhenTheFirstTableHasWaitedLongEnough() {
    coordinator.tick(1);
    workers(2);
    coordinator.tick(10_000_000_000L);
    assertEquals(0, coordinator.newest().epoch());
    coordinator.tick(10_000_000_002L);
    assertEquals(List.of(0, 1), numbers());
    accept(Gateways.worker(2, 1));
    assertEquals(List.of("Prepare", "Prepare", "Prepare"), steps());
  }

  @Test
  void shouldWaitForAllWithANumberAndWhenThereWasATableBefore() {
    coordinator = coordinator(Gateways.gateway(3, 3));
    coordinator.tick(1);
    workers(2);
    coordinator.tick(20_000_000_000L);
    assertEquals(0, coordinator.newest().epoch());
    coordinator = coordinator(Gateways.gateway(3, null));
    coordinator.tick(1);
    accept(Gateways.worker(0, 1).holding(5, 17, List.of()));
    accept(Gateways.worker(1, 1).holding(5, 17, List.of()));
    coordinator.tick(20_000_000_000L);
    assertEquals(0, coordinator.newest().epoch());
  }

  @Test
  void shouldLetWorkersThatTheConfigurationHasNoMoreHandOverAndThenForgetThem() {
    workers(3);
    coordinator.configure(Gateways.gateway(2, null), "two");
    assertTrue(coordinator.knows(ModuleId.worker(2)));
    change(3, 3);
    assertEquals(List.of(0, 1), numbers());
    assertFalse(coordinator.knows(ModuleId.worker(2)));
    assertNull(coordinator.acknowledge(ModuleId.worker(2), coordinator.newest().epoch()));
    coordinator.detach(ModuleId.worker(2));
    assertEquals(Set.of(ModuleId.worker(0), ModuleId.worker(1)), coordinator.status().attached());
    assertEquals(Cause.UNKNOWN_MODULE, refusal(Gateways.worker(2, 2)).cause());
  }

  @Test
  void shouldNotBeSettledWhenModulesHaveLeft() {
    workers(3);
    for (int i = 0; i < 3; i++) {
      coordinator.acknowledge(ModuleId.worker(i), 1);
    }
    assertTrue(coordinator.status().settled());
    for (int i = 0; i < 3; i++) {
      coordinator.detach(ModuleId.worker(i));
    }
    assertFalse(coordinator.status().settled());
  }

  @Test
  void shouldSayTheTableAndWhoIsLateAsJson() {
    workers(3);
    accept(Gateways.lan());
    coordinator.acknowledge(ModuleId.worker(0), 1);
    coordinator.acknowledge(ModuleId.io(0), 1);
    assertEquals(
        "{\"epoch\":1,\"workers\":[0, 1, 2],\"settled\":false,\"attached\":[\"io/0\","
            + "\"worker/0\",\"worker/1\",\"worker/2\"],\"late\":[\"worker/1\",\"worker/2\"],"
            + "\"joining\":[],\"missing\":[]}\n",
        coordinator.status().toJson());
  }

  private void quantity(int workers) {
    follow();
    coordinator.quantity(workers);
  }

  private void leave(ModuleId module) {
    follow();
    coordinator.leave(module);
  }

  /** All that are there work by the newest table. */
  private void follow() {
    int epoch = coordinator.newest().epoch();
    if (epoch > 0) {
      coordinator.status().attached().forEach(it -> coordinator.acknowledge(it, epoch));
    }
  }

  private List<Integer> joining() {
    return coordinator.joining().stream().map(Member::number).toList();
  }

  private static Coordinator coordinator(GatewaySpec spec) {
    return new Coordinator(1000, spec, Gateways.YAML);
  }

  private void workers(int count) {
    for (int number = 0; number < count; number++) {
      accept(Gateways.worker(number, 1));
    }
  }

  private List<Integer> numbers() {
    return coordinator.newest().workers().stream().map(Member::number).toList();
  }

  private void accept(ModuleHello hello) {
    assertNull(coordinator.attach(hello));
  }

  private Refusal refusal(ModuleHello hello) {
    Refusal refusal = coordinator.attach(hello);
    assertNotNull(refusal);
    return refusal;
  }
}
