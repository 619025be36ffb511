package dev.portcullis.standalone.simulate;

import dev.portcullis.core.elastic.Content;
import dev.portcullis.core.elastic.Journal;
import dev.portcullis.core.elastic.KeyClass;
import dev.portcullis.core.elastic.Members;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** State of the keys of a toy shard. */
final class ToyContent implements Content, Journal {

  private static final class Group {
    final Set<Long> keys = new LinkedHashSet<>();
    final Set<Long> changed = new LinkedHashSet<>();
    boolean tracked;
  }

  private final int lanes;
  private final int entryBytes;
  private final Map<Long, Entry> entries = new LinkedHashMap<>();
  private final Map<KeyClass, Group> groups = new LinkedHashMap<>();
  private final List<Reader> readers = new ArrayList<>();
  private long position;
  private @Nullable Table now;
  private @Nullable Table next;

  /** Makes empty content whose entries count as {@code entryBytes} each. */
  ToyContent(int lanes, int entryBytes) {
    this.lanes = lanes;
    this.entryBytes = entryBytes;
  }

  @Nullable Entry find(long key) {
    return entries.get(key);
  }

  /** An entry was made or has changed. */
  void put(Entry entry) {
    entries.put(entry.key, entry);
    changed(entry.key);
    Group group = groupOf(entry.key);
    if (group != null) {
      group.keys.add(entry.key);
      group.changed.add(entry.key);
    }
  }

  void remove(long key) {
    entries.remove(key);
    changed(key);
    Group group = groupOf(key);
    if (group != null) {
      group.keys.remove(key);
      group.changed.add(key);
    }
  }

  Iterable<Entry> all() {
    return entries.values();
  }

  /** Removes entries of flows that are over. */
  void sweep(java.util.function.LongPredicate over) {
    entries
        .values()
        .removeIf(
            it -> {
              boolean gone = over.test(it.flow);
              if (gone) {
                changed(it.key);
              }
              return gone;
            });
  }

  /** Removes entries of keys that are not this shard's. */
  void keep(java.util.function.LongPredicate owned) {
    for (long key : List.copyOf(entries.keySet())) {
      if (!owned.test(key)) {
        remove(key);
      }
    }
  }

  private @Nullable Group groupOf(long key) {
    Table from = now;
    Table to = next;
    if (from == null || to == null) {
      return null;
    }
    int owner = from.owner(key).module().number();
    int nextOwner = to.owner(key).module().number();
    return owner == nextOwner
        ? null
        : group(new KeyClass(owner, nextOwner, Table.lane(key, lanes)));
  }

  private Group group(KeyClass of) {
    return groups.computeIfAbsent(of, it -> new Group());
  }

  @Override
  public void change(Members before, Members after) {
    now = new Table(before);
    next = new Table(after);
    groups.clear();
    for (long key : entries.keySet()) {
      Group group = groupOf(key);
      if (group != null) {
        group.keys.add(key);
      }
    }
  }

  @Override
  public void settle() {
    now = null;
    next = null;
    groups.clear();
  }

  @Override
  public void track(KeyClass of) {
    Group group = group(of);
    group.tracked = true;
    group.changed.clear();
    group.changed.addAll(group.keys);
  }

  @Override
  public @Nullable Object export(KeyClass of, int maxBytes) {
    Group group = group(of);
    if (group.changed.isEmpty()) {
      return null;
    }
    List<Entry> out = new ArrayList<>();
    Iterator<Long> changed = group.changed.iterator();
    while (changed.hasNext() && (out.isEmpty() || (out.size() + 1) * entryBytes <= maxBytes)) {
      long key = changed.next();
      changed.remove();
      out.add(exported(key));
    }
    return out;
  }

  private Entry exported(long key) {
    Entry entry = entries.get(key);
    if (entry == null) {
      entry = new Entry(key, 0);
      entry.removed = true;
      return entry;
    }
    return entry.copy();
  }

  @Override
  public long behindBytes(KeyClass of) {
    return (long) group(of).changed.size() * entryBytes;
  }

  @Override
  public void install(KeyClass of, Object coming) {
    Group group = group(of);
    for (Object it : (List<?>) coming) {
      Entry entry = (Entry) it;
      changed(entry.key);
      if (entry.removed) {
        entries.remove(entry.key);
        group.keys.remove(entry.key);
      } else {
        entries.put(entry.key, entry.copy());
        group.keys.add(entry.key);
      }
    }
  }

  @Override
  public void drop(KeyClass of) {
    Group group = group(of);
    for (long key : group.keys) {
      entries.remove(key);
      changed(key);
    }
    group.keys.clear();
    group.changed.clear();
  }

  @Override
  public long count(KeyClass of) {
    return group(of).keys.size();
  }

  @Override
  public long checksum(KeyClass of) {
    long sum = 0;
    for (long key : group(of).keys) {
      Entry entry = entries.get(key);
      sum += entry == null ? 1 : entry.sum();
    }
    return sum;
  }

  private void changed(long key) {
    position++;
    for (Reader it : readers) {
      it.changed.putIfAbsent(key, position);
    }
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
    entries.keySet().forEach(key -> reader.changed.put(key, 1L));
    readers.add(reader);
    return reader;
  }

  private final class Reader implements Cursor {
    /** Keys, with the number of their first change. */
    final Map<Long, Long> changed = new LinkedHashMap<>();

    @Override
    public @Nullable Object export(int maxBytes) {
      List<Entry> out = new ArrayList<>();
      Iterator<Long> keys = changed.keySet().iterator();
      while (keys.hasNext() && (out.isEmpty() || (out.size() + 1) * entryBytes <= maxBytes)) {
        out.add(exported(keys.next()));
        keys.remove();
      }
      return out.isEmpty() ? null : out;
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
