package dev.portcullis.core.elastic;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.portcullis.core.elastic.ShardMessage.Activate;
import dev.portcullis.core.link.ModuleId;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What becomes of a class that comes in, when not all of it does. */
class ClassesInTest {

  private static final Life GIVER = new Life(ModuleId.worker(0), 1, 1);
  private static final Life TAKER = new Life(ModuleId.worker(1), 1, 1);
  private static final KeyClass CLASS = new KeyClass(0, 1, 0);

  /** Entries never come. */
  private static final class Empty implements Content {
    long lost;

    @Override
    public void change(Members now, Members next) {}

    @Override
    public void settle() {}

    @Override
    public void track(KeyClass of) {}

    @Override
    public @Nullable Object export(KeyClass of, int maxBytes) {
      return null;
    }

    @Override
    public long behindBytes(KeyClass of) {
      return 0;
    }

    @Override
    public void install(KeyClass of, Object entries) {}

    @Override
    public void drop(KeyClass of) {}

    @Override
    public void lost(KeyClass of, long entries) {
      lost += entries;
    }

    @Override
    public long count(KeyClass of) {
      return 0;
    }

    @Override
    public long checksum(KeyClass of) {
      return 0;
    }
  }

  private final Empty content = new Empty();
  private final ClassesIn classes =
      new ClassesIn(
          new ShardId(TAKER.module(), 0),
          1,
          1,
          new Members(1, List.of(GIVER)),
          new Members(2, List.of(GIVER, TAKER)),
          content,
          1000,
          1000);

  private ClassesIn.Arrival activate(long count) {
    return classes.activate(new Activate(2, CLASS, 0, count, 0, false));
  }

  @Test
  void shouldTakeAClassThatIsAllThere() {
    assertEquals(ClassesIn.Arrival.COMPLETE, activate(0));
    assertEquals(0, content.lost);
  }

  @Test
  void shouldAskAgainForWhatIsMissingAndGoOnWithoutItAfterSoManyTimes() {
    for (int i = 0; i < ClassesIn.MOST_ASKED; i++) {
      assertEquals(ClassesIn.Arrival.INCOMPLETE, activate(5));
      assertEquals(0, content.lost);
    }
    assertEquals(ClassesIn.Arrival.COMPLETE, activate(5));
    assertEquals(5, content.lost);
  }
}
