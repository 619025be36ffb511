package dev.portcullis.standalone.simulate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ClockworkTest {

  private record Made(long atNs, int number) {}

  private final Clockwork clock = new Clockwork();
  private final List<String> ran = new ArrayList<>();

  private Runnable run(String name) {
    return () -> ran.add(name + " at " + clock.nowNs());
  }

  private void runAll() {
    while (clock.step()) {
      // all of it
    }
  }

  @Test
  void shouldRunByTimeAndThenInTheOrderOfAdding() {
    SplittableRandom random = new SplittableRandom(1);
    List<Made> made = new ArrayList<>();
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < 5_000; i++) {
      int number = i;
      Made it = new Made(random.nextLong(500), number);
      made.add(it);
      clock.at(it.atNs, null, () -> order.add(number));
    }
    runAll();
    made.sort(Comparator.comparingLong(Made::atNs).thenComparingInt(Made::number));
    assertEquals(made.stream().map(Made::number).toList(), order);
  }

  @Test
  void shouldRunWhatAnEventAddsBehindWhatIsThereForTheSameTime() {
    clock.at(5, null, () -> clock.at(5, null, run("added")));
    clock.at(5, null, run("there"));
    runAll();
    assertEquals(List.of("there at 5", "added at 5"), ran);
  }

  @Test
  void shouldRunASchedulesTaskBetweenWhatWasAddedBeforeAndAfterItForTheSameTime() {
    clock.at(5, null, run("before"));
    clock.schedule(new long[] {3, 5}, new Runnable[] {run("first"), run("second")});
    clock.at(5, null, run("after"));
    clock.at(4, null, run("between"));
    runAll();
    assertEquals(
        List.of("first at 3", "between at 4", "before at 5", "second at 5", "after at 5"), ran);
  }

  @Test
  void shouldKeepWhatComesForAnActorThatIsPausedInOrder() {
    Clockwork.Actor actor = new Clockwork.Actor();
    clock.at(1, null, () -> clock.pause(actor, 10));
    clock.at(2, actor, run("first"));
    clock.at(3, actor, run("second"));
    clock.at(12, actor, run("third"));
    runAll();
    assertEquals(List.of("first at 10", "second at 10", "third at 12"), ran);
  }

  @Test
  void shouldRunNothingOfAnActorThatHasEnded() {
    Clockwork.Actor actor = new Clockwork.Actor();
    clock.at(2, actor, run("too late"));
    clock.at(1, null, actor::end);
    runAll();
    assertEquals(List.of(), ran);
    assertFalse(clock.step());
  }
}
