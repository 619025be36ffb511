package dev.portcullis.standalone.simulate;

import dev.portcullis.core.elastic.Content;
import dev.portcullis.core.elastic.Journal;
import dev.portcullis.core.elastic.KeyClass;
import dev.portcullis.core.elastic.Members;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.function.LongPredicate;
import org.jspecify.annotations.Nullable;

/** State of the keys of a toy shard. */
final class ToyContent implements Content, Journal {

  private static final class Group {
    final Keyed<Boolean> keys = new Keyed<>();
    final Keyed<Boolean> changed = new Keyed<>();
  }

  private final int lanes;
  private final int entryBytes;
  private final Keyed<Entry> entries = new Keyed<>();

  /** By the workers of the class and its lane. */
  private final @Nullable Group[] groups;

  private final List<Reader> readers = new ArrayList<>();
  private long position;

  /** Flows that were over when entries were looked through, and whether others have come since. */
  private long swept = -1;

  private boolean installed;
  private @Nullable Table now;
  private @Nullable Table next;

  /** Makes empty content whose entries count as {@code entryBytes} each. */
  ToyContent(int lanes, int entryBytes) {
    this.lanes = lanes;
    this.entryBytes = entryBytes;
    groups = new Group[Plan.MODULES * Plan.MODULES * lanes];
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
      group.keys.put(entry.key, true);
      group.changed.put(entry.key, true);
    }
  }

  void remove(long key) {
    entries.remove(key);
    changed(key);
    Group group = groupOf(key);
    if (group != null) {
      group.keys.remove(key);
      group.changed.put(key, true);
    }
  }

  List<Entry> all() {
    List<Entry> all = new ArrayList<>(entries.size());
    entries.forEach(it -> all.add(it.value));
    return all;
  }

  /** Removes entries of flows that are over. */
  void sweep(Traffic traffic) {
    if (swept == traffic.over() && !installed) {
      // an entry that a packet met is of a flow that is not over
      return;
    }
    swept = traffic.over();
    installed = false;
    Iterator<Keyed.Node<Entry>> all = entries.iterator();
    while (all.hasNext()) {
      Entry it = all.next().value;
      if (traffic.isOver(it.flow)) {
        changed(it.key);
        all.remove();
      }
    }
  }

  /** Removes entries of keys that are not this shard's. */
  void keep(LongPredicate owned) {
    for (Entry it : all()) {
      if (!owned.test(it.key)) {
        remove(it.key);
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
    return owner == nextOwner ? null : group(owner, nextOwner, Table.lane(key, lanes));
  }

  private Group group(KeyClass of) {
    return group(of.from(), of.to(), of.lane());
  }

  private Group group(int from, int to, int lane) {
    int at = (from * Plan.MODULES + to) * lanes + lane;
    Group group = groups[at];
    if (group == null) {
      group = new Group();
      groups[at] = group;
    }
    return group;
  }

  @Override
  public void change(Members before, Members after) {
    now = new Table(before);
    next = new Table(after);
    Arrays.fill(groups, null);
    for (Keyed.Node<Entry> it : entries) {
      Group group = groupOf(it.key);
      if (group != null) {
        group.keys.put(it.key, true);
      }
    }
  }

  @Override
  public void settle() {
    now = null;
    next = null;
    Arrays.fill(groups, null);
  }

  @Override
  public void track(KeyClass of) {
    Group group = group(of);
    group.changed.clear();
    group.keys.forEach(it -> group.changed.put(it.key, true));
  }

  @Override
  public @Nullable Object export(KeyClass of, int maxBytes) {
    Group group = group(of);
    if (group.changed.isEmpty()) {
      return null;
    }
    List<Entry> out = new ArrayList<>();
    Iterator<Keyed.Node<Boolean>> changed = group.changed.iterator();
    while (changed.hasNext() && (out.isEmpty() || (out.size() + 1) * entryBytes <= maxBytes)) {
      long key = changed.next().key;
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
    installed = true;
    for (Object it : (List<?>) coming) {
      Entry entry = (Entry) it;
      changed(entry.key);
      if (entry.removed) {
        entries.remove(entry.key);
        group.keys.remove(entry.key);
      } else {
        entries.put(entry.key, entry.copy());
        group.keys.put(entry.key, true);
      }
    }
  }

  @Override
  public void drop(KeyClass of) {
    Group group = group(of);
    for (Keyed.Node<Boolean> it : group.keys) {
      entries.remove(it.key);
      changed(it.key);
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
    for (Keyed.Node<Boolean> it : group(of).keys) {
      Entry entry = entries.get(it.key);
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
    entries.forEach(it -> reader.changed.put(it.key, 1L));
    readers.add(reader);
    return reader;
  }

  private final class Reader implements Cursor {
    /** Keys, with the number of their first change. */
    final Keyed<Long> changed = new Keyed<>();

    @Override
    public @Nullable Object export(int maxBytes) {
      if (changed.isEmpty()) {
        return null;
      }
      List<Entry> out = new ArrayList<>();
      Iterator<Keyed.Node<Long>> keys = changed.iterator();
      while (keys.hasNext() && (out.isEmpty() || (out.size() + 1) * entryBytes <= maxBytes)) {
        out.add(exported(keys.next().key));
        keys.remove();
      }
      return out;
    }

    @Override
    public long exportedUpTo() {
      Keyed.Node<Long> oldest = changed.oldest();
      return oldest == null ? position : oldest.value - 1;
    }

    @Override
    public void close() {
      readers.remove(this);
    }
  }
}
