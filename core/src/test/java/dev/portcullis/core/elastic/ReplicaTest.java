package dev.portcullis.core.elastic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.elastic.ReplicaMessage.Beat;
import dev.portcullis.core.elastic.ReplicaMessage.Changes;
import dev.portcullis.core.elastic.ReplicaMessage.ClassRecord;
import dev.portcullis.core.elastic.ReplicaMessage.Dismiss;
import dev.portcullis.core.elastic.ReplicaMessage.Fill;
import dev.portcullis.core.elastic.ReplicaMessage.Full;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ReplicaTest {

  private static final ClassRecord GONE = new ClassRecord(5, new KeyClass(0, 1, 0), false);
  private static final ClassRecord ACTIVE = new ClassRecord(5, new KeyClass(2, 0, 0), true);

  private final List<Object> stored = new ArrayList<>();
  private final Replica replica =
      new Replica(
          new Replica.Store() {
            @Override
            public void clear() {
              stored.clear();
            }

            @Override
            public void install(Object entries) {
              stored.add(entries);
            }
          });

  private static Changes changes(Object entries, ClassRecord... classes) {
    return new Changes(1, entries, List.of(classes));
  }

  @Test
  void shouldBeFullOnlyWhenItIsTold() {
    replica.take(new Fill());
    replica.take(changes("a"));
    assertFalse(replica.isFull());
    replica.take(new Full());
    assertTrue(replica.isFull());
  }

  @Test
  void shouldKeepChangesInTheOrderInWhichTheyCome() {
    replica.take(new Fill());
    replica.take(changes("a"));
    replica.take(new Beat());
    replica.take(changes("b"));
    assertEquals(List.of("a", "b"), stored);
  }

  @Test
  void shouldForgetAllWhenItIsFilledAnew() {
    replica.take(changes("a", GONE));
    replica.take(new Full());
    replica.take(new Fill());
    assertFalse(replica.isFull());
    assertEquals(List.of(), stored);
    assertEquals(List.of(), replica.records());
  }

  @Test
  void shouldForgetAllWhenItIsDismissed() {
    replica.take(changes("a", GONE));
    replica.take(new Full());
    replica.take(new Dismiss());
    assertFalse(replica.seal());
    assertEquals(List.of(), stored);
  }

  @Test
  void shouldTakeNothingOfTheOldLifeOnceItIsSealed() {
    replica.take(changes("a"));
    replica.take(new Full());
    assertTrue(replica.seal());
    assertFalse(replica.take(changes("b")));
    assertFalse(replica.take(new Dismiss()));
    assertEquals(List.of("a"), stored);
    assertTrue(replica.isFull());
  }

  @Test
  void shouldGiveASuccessorNothingWhenItIsSealedWhileItIsBeingFilled() {
    replica.take(new Fill());
    replica.take(changes("a"));
    assertFalse(replica.seal());
    assertTrue(replica.isSealed());
  }

  @Test
  void shouldHaveTheStepsOfTheNewestChangeOnly() {
    replica.take(changes("a", GONE));
    replica.take(changes("b", ACTIVE));
    assertEquals(List.of(GONE, ACTIVE), replica.records());
    ClassRecord next = new ClassRecord(6, new KeyClass(0, 1, 0), true);
    replica.take(changes("c", next));
    assertEquals(List.of(next), replica.records());
  }
}
