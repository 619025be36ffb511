package dev.portcullis.worker.flow;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** Sequence numbers behind payload that changed its length, and the acknowledgements of them. */
class SequenceShiftsTest {

  private final SequenceShifts shifts = new SequenceShifts();
  private final int entry = shifts.allocate();

  @Test
  void shouldShiftWhatComesBehindTheChangeAndNotTheChangedSegmentItself() {
    shifts.grew(entry, 0, 1000, 5);
    assertEquals(0, shifts.ofSequence(entry, 0, 900));
    assertEquals(0, shifts.ofSequence(entry, 0, 1000));
    assertEquals(5, shifts.ofSequence(entry, 0, 1001));
    assertEquals(0, shifts.ofSequence(entry, 1, 1001));
  }

  @Test
  void shouldAddUpChanges() {
    shifts.grew(entry, 0, 1000, 5);
    shifts.grew(entry, 0, 2000, -2);
    assertEquals(5, shifts.ofSequence(entry, 0, 1500));
    assertEquals(5, shifts.ofSequence(entry, 0, 2000));
    assertEquals(3, shifts.ofSequence(entry, 0, 2020));
  }

  @Test
  void shouldNotCountARetransmissionTwice() {
    shifts.grew(entry, 0, 1000, 5);
    shifts.grew(entry, 0, 1000, 5);
    assertEquals(5, shifts.ofSequence(entry, 0, 1030));
  }

  @Test
  void shouldTakeTheShiftOutOfAcknowledgements() {
    shifts.grew(entry, 0, 1000, 5);
    assertEquals(0, shifts.ofAcknowledgement(entry, 0, 1000));
    assertEquals(5, shifts.ofAcknowledgement(entry, 0, 1035));
  }

  @Test
  void shouldWorkAcrossTheEndOfTheNumbers() {
    shifts.grew(entry, 1, -10, 7);
    assertEquals(0, shifts.ofSequence(entry, 1, -11));
    assertEquals(7, shifts.ofSequence(entry, 1, 5));
    assertEquals(7, shifts.ofAcknowledgement(entry, 1, 20));
  }

  @Test
  void shouldGiveOutCleanEntriesAgain() {
    shifts.grew(entry, 0, 1000, 5);
    shifts.free(entry);
    assertEquals(entry, shifts.allocate());
    assertEquals(0, shifts.ofSequence(entry, 0, 1001));
  }
}
