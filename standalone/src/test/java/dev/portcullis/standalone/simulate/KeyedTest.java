package dev.portcullis.standalone.simulate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class KeyedTest {

  private static List<Long> keys(Keyed<?> keyed) {
    List<Long> keys = new ArrayList<>();
    keyed.forEach(it -> keys.add(it.key));
    return keys;
  }

  @Test
  void shouldDoWhatALinkedHashMapDoesUnderRandomChanges() {
    SplittableRandom random = new SplittableRandom(1);
    Keyed<Integer> keyed = new Keyed<>();
    Map<Long, Integer> map = new LinkedHashMap<>();
    for (int i = 0; i < 20_000; i++) {
      long key = random.nextLong(300) << random.nextInt(3) * 20;
      switch (random.nextInt(4)) {
        case 0 -> assertEquals(map.remove(key), keyed.remove(key));
        case 1 -> {
          keyed.putIfAbsent(key, i);
          map.putIfAbsent(key, i);
        }
        default -> {
          keyed.put(key, i);
          map.put(key, i);
        }
      }
      assertEquals(map.get(key), keyed.get(key));
      assertEquals(map.size(), keyed.size());
    }
    assertEquals(List.copyOf(map.keySet()), keys(keyed));
  }

  @Test
  void shouldRemoveWhatAnIterationHasJustGiven() {
    Keyed<String> keyed = new Keyed<>();
    for (long key = 0; key < 100; key++) {
      keyed.put(key, "value");
    }
    Iterator<Keyed.Node<String>> all = keyed.iterator();
    while (all.hasNext()) {
      if (all.next().key % 10 != 3) {
        all.remove();
      }
    }
    assertEquals(List.of(3L, 13L, 23L, 33L, 43L, 53L, 63L, 73L, 83L, 93L), keys(keyed));
    assertFalse(keyed.has(4));
    assertTrue(keyed.has(13));
  }

  @Test
  void shouldBeEmptyAfterItIsCleared() {
    Keyed<String> keyed = new Keyed<>();
    keyed.put(1, "value");
    keyed.clear();
    assertTrue(keyed.isEmpty());
    assertNull(keyed.oldest());
    assertNull(keyed.get(1));
  }
}
