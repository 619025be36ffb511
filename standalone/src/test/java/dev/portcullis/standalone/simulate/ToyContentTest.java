package dev.portcullis.standalone.simulate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.elastic.Journal;
import java.util.List;
import org.junit.jupiter.api.Test;

class ToyContentTest {

  private static final int ENTRY_BYTES = 100;

  private final ToyContent content = new ToyContent(4, ENTRY_BYTES);

  private Entry put(long key) {
    Entry entry = new Entry(key, key);
    content.put(entry);
    return entry;
  }

  private static List<Long> keys(Object exported) {
    return ((List<?>) exported).stream().map(it -> ((Entry) it).key).toList();
  }

  @Test
  void shouldGiveAReaderAllThatThereIsAndThenWhatChanges() {
    put(1);
    put(2);
    Journal.Cursor cursor = content.open();
    assertEquals(List.of(1L, 2L), keys(cursor.export(1_000)));
    assertNull(cursor.export(1_000));
    put(3);
    assertEquals(List.of(3L), keys(cursor.export(1_000)));
  }

  @Test
  void shouldSayHowFarAReaderIs() {
    Journal.Cursor cursor = content.open();
    put(1);
    put(2);
    put(1);
    assertEquals(0, cursor.exportedUpTo());
    cursor.export(ENTRY_BYTES);
    assertEquals(1, cursor.exportedUpTo());
    cursor.export(ENTRY_BYTES);
    assertEquals(3, cursor.exportedUpTo());
    assertEquals(content.position(), cursor.exportedUpTo());
  }

  @Test
  void shouldGiveAKeyThatChangedTwiceOnce() {
    Journal.Cursor cursor = content.open();
    Entry entry = put(1);
    put(2);
    entry.requests = 7;
    content.put(entry);
    List<?> exported = (List<?>) cursor.export(1_000);
    assertEquals(List.of(1L, 2L), keys(exported));
    assertEquals(7, ((Entry) exported.getFirst()).requests);
  }

  @Test
  void shouldGiveWhatIsThereWhenItIsExportedAndNotWhatComesLater() {
    Journal.Cursor cursor = content.open();
    Entry entry = put(1);
    Entry exported = (Entry) ((List<?>) cursor.export(1_000)).getFirst();
    entry.requests = 7;
    assertNotSame(entry, exported);
    assertEquals(0, exported.requests);
  }

  @Test
  void shouldSayThatAnEntryIsGone() {
    put(1);
    Journal.Cursor cursor = content.open();
    cursor.export(1_000);
    content.remove(1);
    assertTrue(((Entry) ((List<?>) cursor.export(1_000)).getFirst()).removed);
  }

  @Test
  void shouldTakeANumberForSomethingThatIsNoEntry() {
    Journal.Cursor cursor = content.open();
    put(1);
    assertEquals(2, content.mark());
    cursor.export(1_000);
    assertEquals(2, cursor.exportedUpTo());
  }
}
