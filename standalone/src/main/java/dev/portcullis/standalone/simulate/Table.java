package dev.portcullis.standalone.simulate;

import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.elastic.Members;
import java.util.Comparator;

/** Owners by {@code V mod N}, as the patent's mapping table. */
final class Table {

  private final Life[] slots;

  Table(Members members) {
    slots =
        members.workers().stream()
            .sorted(Comparator.comparingInt((Life it) -> it.module().number()))
            .toArray(Life[]::new);
  }

  /** Returns the worker that owns a key. */
  Life owner(long key) {
    return slots[(int) Long.remainderUnsigned(key, slots.length)];
  }

  /** Returns the lane of a key. */
  static int lane(long key, int lanes) {
    return (int) (Lanes.mix(key ^ 0x5bd1e995) >>> 33) % lanes;
  }
}
