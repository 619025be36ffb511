package dev.portcullis.worker.stage.ftp;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** Sequence numbers behind payload that changed its length, and the acknowledgements of them. */
class SequenceShiftTest {

  private final SequenceShift shift = new SequenceShift();

  @Test
  void shouldShiftWhatComesBehindTheChangeAndNotTheChangedSegmentItself() {
    shift.grew(1000, 5);
    assertEquals(0, shift.ofSequence(900));
    assertEquals(0, shift.ofSequence(1000));
    assertEquals(5, shift.ofSequence(1001));
  }

  @Test
  void shouldAddUpChanges() {
    shift.grew(1000, 5);
    shift.grew(2000, -2);
    assertEquals(5, shift.ofSequence(1500));
    assertEquals(5, shift.ofSequence(2000));
    assertEquals(3, shift.ofSequence(2020));
  }

  @Test
  void shouldNotCountARetransmissionTwice() {
    shift.grew(1000, 5);
    shift.grew(1000, 5);
    assertEquals(5, shift.ofSequence(1030));
  }

  @Test
  void shouldTakeTheShiftOutOfAcknowledgements() {
    shift.grew(1000, 5);
    assertEquals(0, shift.ofAcknowledgement(1000));
    assertEquals(5, shift.ofAcknowledgement(1035));
  }

  @Test
  void shouldWorkAcrossTheEndOfTheNumbers() {
    shift.grew(-10, 7);
    assertEquals(0, shift.ofSequence(-11));
    assertEquals(7, shift.ofSequence(5));
    assertEquals(7, shift.ofAcknowledgement(20));
  }
}
