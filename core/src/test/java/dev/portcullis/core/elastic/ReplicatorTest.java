package dev.portcullis.core.elastic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.elastic.ReplicaMessage.Changes;
import dev.portcullis.core.elastic.ReplicaMessage.ClassRecord;
import dev.portcullis.core.elastic.ReplicaMessage.Dismiss;
import dev.portcullis.core.elastic.ReplicaMessage.Fill;
import dev.portcullis.core.elastic.ReplicaMessage.Full;
import dev.portcullis.core.link.ModuleId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ReplicatorTest {

  private static final Life FIRST = new Life(ModuleId.worker(1), 1, 1);
  private static final Life SECOND = new Life(ModuleId.worker(2), 1, 1);
  private static final KeyClass CLASS = new KeyClass(0, 1, 0);

  /** Words by key; an export is one {@code key=word} after the other. */
  private static final class Words implements Journal {
    final Map<String, String> words = new TreeMap<>();
    final List<Reader> readers = new ArrayList<>();
    long position;

    void put(String key, String word) {
      words.put(key, word);
      position++;
      readers.forEach(it -> it.changed.putIfAbsent(key, position));
    }

    @Override
    public long position() {
      return position;
    }

    @Override
    public long mark() {
      return ++position;
    }

    @Override
    public Cursor open() {
      Reader reader = new Reader();
      words.keySet().forEach(it -> reader.changed.put(it, 1L));
      readers.add(reader);
      return reader;
    }

    private final class Reader implements Cursor {
      final Map<String, Long> changed = new LinkedHashMap<>();

      @Override
      public @Nullable Object export(int maxBytes) {
        if (changed.isEmpty()) {
          return null;
        }
        String key = changed.keySet().iterator().next();
        changed.remove(key);
        return key + "=" + words.get(key);
      }

      @Override
      public long exportedUpTo() {
        return changed.isEmpty() ? position : changed.values().iterator().next() - 1;
      }

      @Override
      public void close() {
        readers.remove(this);
      }
    }
  }

  private final Words journal = new Words();
  private final Map<Life, List<ReplicaMessage>> sent = new HashMap<>();
  private long replicated;
  private final Replicator replicator =
      new Replicator(
          journal,
          new Replicator.Actions() {
            @Override
            public long send(Life guardian, ReplicaMessage message) {
              sentTo(guardian).add(message);
              return sentTo(guardian).size();
            }

            @Override
            public void replicated(long upTo) {
              replicated = upTo;
            }
          });

  private List<ReplicaMessage> sentTo(Life guardian) {
    return sent.computeIfAbsent(guardian, it -> new ArrayList<>());
  }

  private void acknowledge(Life guardian) {
    replicator.acknowledged(guardian, sentTo(guardian).size());
  }

  /** The guardian has all that there is. */
  private void fill(Life guardian) {
    replicator.guard(guardian);
    while (!sentTo(guardian).contains(new Full())) {
      acknowledge(guardian);
      replicator.flush();
    }
    acknowledge(guardian);
  }

  @Test
  void shouldWaitForNobodyWithoutAGuardian() {
    journal.put("a", "1");
    replicator.flush();
    assertTrue(replicator.unprotected());
    assertEquals(1, replicated);
  }

  @Test
  void shouldSendAllThatThereIsBetweenFillAndFull() {
    journal.put("a", "1");
    journal.put("b", "2");
    replicator.guard(FIRST);
    assertEquals(
        List.of(
            new Fill(),
            new Changes(0, "a=1", List.of()),
            new Changes(2, "b=2", List.of()),
            new Full()),
        sentTo(FIRST));
  }

  @Test
  void shouldNotWaitForAGuardianThatIsBeingFilled() {
    for (int i = 0; i < 2 * Replicator.WINDOW; i++) {
      journal.put("key " + i, "1");
    }
    replicator.guard(FIRST);
    assertFalse(sentTo(FIRST).contains(new Full()));
    journal.put("a", "1");
    replicator.flush();
    assertEquals(journal.position(), replicated);
    assertEquals(Set.of(), replicator.counting());
  }

  @Test
  void shouldWaitForAGuardianFromFullUntilItHasAcknowledged() {
    fill(FIRST);
    assertEquals(Set.of(FIRST), replicator.counting());
    journal.put("a", "1");
    replicator.flush();
    assertEquals(0, replicated);
    acknowledge(FIRST);
    assertEquals(1, replicated);
  }

  @Test
  void shouldSendAKeyOnceThatChangesAgainBeforeItGoes() {
    fill(FIRST);
    journal.put("a", "1");
    journal.put("a", "2");
    replicator.flush();
    assertEquals(new Changes(2, "a=2", List.of()), sentTo(FIRST).getLast());
  }

  @Test
  void shouldNotSendMoreThanTheWindowAhead() {
    fill(FIRST);
    int before = sentTo(FIRST).size();
    for (int i = 0; i < 2 * Replicator.WINDOW; i++) {
      journal.put("key " + i, "1");
    }
    replicator.flush();
    assertEquals(before + Replicator.WINDOW, sentTo(FIRST).size());
    replicator.acknowledged(FIRST, before + 1);
    assertEquals(before + Replicator.WINDOW + 1, sentTo(FIRST).size());
  }

  @Test
  void shouldGoOnWaitingForTheGuardianBeforeUntilTheCoordinatorKnowsOfTheNewOne() {
    fill(FIRST);
    fill(SECOND);
    journal.put("a", "1");
    replicator.flush();
    acknowledge(SECOND);
    assertEquals(0, replicated);
    assertFalse(sentTo(FIRST).contains(new Dismiss()));
    assertEquals(Set.of(FIRST, SECOND), replicator.counting());
  }

  @Test
  void shouldWaitForADismissedGuardianUntilItHasAcknowledgedThat() {
    fill(FIRST);
    fill(SECOND);
    replicator.guarded(SECOND);
    assertEquals(new Dismiss(), sentTo(FIRST).getLast());
    journal.put("a", "1");
    replicator.flush();
    acknowledge(SECOND);
    assertEquals(0, replicated);
    acknowledge(FIRST);
    assertEquals(1, replicated);
    assertEquals(Set.of(SECOND), replicator.counting());
  }

  @Test
  void shouldFeedADismissedGuardianNothingMore() {
    fill(FIRST);
    fill(SECOND);
    replicator.guarded(SECOND);
    journal.put("a", "1");
    replicator.flush();
    assertEquals(new Dismiss(), sentTo(FIRST).getLast());
  }

  @Test
  void shouldNotDismissAnybodyForAGuardianThatIsNotFull() {
    fill(FIRST);
    for (int i = 0; i < 2 * Replicator.WINDOW; i++) {
      journal.put("key " + i, "1");
    }
    replicator.guard(SECOND);
    replicator.guarded(SECOND);
    assertFalse(sentTo(FIRST).contains(new Dismiss()));
  }

  @Test
  void shouldFillADismissedGuardianAnewWhenItIsToldAgain() {
    fill(FIRST);
    fill(SECOND);
    replicator.guarded(SECOND);
    int before = sentTo(FIRST).size();
    replicator.guard(FIRST);
    assertEquals(new Fill(), sentTo(FIRST).get(before));
    acknowledge(FIRST);
    assertEquals(Set.of(FIRST, SECOND), replicator.counting());
  }

  @Test
  void shouldDismissAtOnceAGuardianThatWasNotFullWhenAnotherIsTold() {
    for (int i = 0; i < 2 * Replicator.WINDOW; i++) {
      journal.put("key " + i, "1");
    }
    replicator.guard(FIRST);
    replicator.guard(SECOND);
    assertEquals(new Dismiss(), sentTo(FIRST).getLast());
    assertEquals(1, journal.readers.size());
  }

  @Test
  void shouldWaitNoLongerForAGuardianThatHasEnded() {
    fill(FIRST);
    journal.put("a", "1");
    replicator.flush();
    assertEquals(0, replicated);
    replicator.ended(FIRST);
    assertEquals(1, replicated);
    assertTrue(replicator.unprotected());
    assertEquals(0, journal.readers.size());
  }

  @Test
  void shouldHaveReplicatedARecordOnlyWhenTheGuardianHasIt() {
    fill(FIRST);
    long number = replicator.record(5, CLASS, true);
    replicator.flush();
    assertTrue(replicated < number);
    assertEquals(
        new Changes(number, null, List.of(new ClassRecord(5, CLASS, true))),
        sentTo(FIRST).getLast());
    acknowledge(FIRST);
    assertEquals(number, replicated);
  }

  @Test
  void shouldAskNobodyToWaitForARecordWithoutAGuardian() {
    assertEquals(0, replicator.record(5, CLASS, true));
  }

  @Test
  void shouldTellALaterGuardianTheRecordsOfTheNewestChange() {
    replicator.record(4, CLASS, false);
    replicator.record(5, CLASS, true);
    replicator.guard(FIRST);
    assertEquals(
        new Changes(2, null, List.of(new ClassRecord(5, CLASS, true))), sentTo(FIRST).get(1));
  }

  @Test
  void shouldPutARecordBehindTheChangesBeforeIt() {
    fill(FIRST);
    journal.put("a", "1");
    long number = replicator.record(5, CLASS, false);
    journal.put("b", "2");
    replicator.flush();
    List<ReplicaMessage> all = sentTo(FIRST);
    assertEquals(
        new Changes(number, "a=1", List.of(new ClassRecord(5, CLASS, false))),
        all.get(all.size() - 2));
  }

  @Test
  void shouldGoOnWithTheRecordsOfAnEarlierLife() {
    replicator.resume(List.of(new ClassRecord(5, CLASS, true)));
    replicator.guard(FIRST);
    assertEquals(
        new Changes(1, null, List.of(new ClassRecord(5, CLASS, true))), sentTo(FIRST).get(1));
  }
}
