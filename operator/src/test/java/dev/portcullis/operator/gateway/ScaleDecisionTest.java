package dev.portcullis.operator.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class ScaleDecisionTest {

  @Test
  void shouldTakeTheNumberOfTheGatewayWhereThereIsNoSetYet() {
    assertEquals(new ScaleDecision(3, false), ScaleDecision.of(3, null, null));
  }

  @Test
  void shouldFollowWhoScalesTheStatefulSet() {
    assertEquals(new ScaleDecision(5, true), ScaleDecision.of(3, 5, 3));
  }

  @Test
  void shouldFollowWhoScalesTheGateway() {
    assertEquals(new ScaleDecision(7, false), ScaleDecision.of(7, 3, 3));
  }

  @Test
  void shouldBeDoneWhenTheGatewaySaysWhatTheStatefulSetWasScaledTo() {
    assertEquals(new ScaleDecision(5, false), ScaleDecision.of(5, 5, 3));
  }

  @Test
  void shouldTakeTheGatewayWhereBothWereScaledInBetween() {
    assertEquals(new ScaleDecision(2, false), ScaleDecision.of(2, 5, 3));
  }

  @Test
  void shouldTakeTheGatewayWhereTheNoteIsGone() {
    assertEquals(new ScaleDecision(3, false), ScaleDecision.of(3, 5, null));
  }
}
