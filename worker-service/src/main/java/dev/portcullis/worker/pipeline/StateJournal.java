package dev.portcullis.worker.pipeline;

import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.elastic.Journal;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.worker.flow.EndReason;
import dev.portcullis.worker.flow.EntryListener;
import dev.portcullis.worker.flow.FlowListener;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.LentTuples;
import dev.portcullis.worker.flow.PathTable;
import dev.portcullis.worker.stage.Stage;
import dev.portcullis.worker.stage.Vector;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What changes in the state of a shard, for a copy of it elsewhere: flows with all that decides
 * about their packets, path records, translated tuples that are lent, and what of them has gone.
 * Counts of packets, and when a flow was last seen, go along with the next change.
 *
 * <p>Flows are looked at where the pipeline is about to let their packets go: it is the stage
 * before the last, and only where somebody keeps a copy. A flow that changes again before it was
 * read is read once, at the place of its first change. Flat tables; nothing is allocated for a
 * packet.
 *
 * <p>Thread: one shard.
 */
final class StateJournal implements Journal, Stage, FlowListener, LentTuples.Copies {

  /** Kinds of what is written down, above the number of the entry. */
  private static final long FLOW = 0, PATH = 1, FLOW_GONE = 2, PATH_GONE = 3, TUPLE = 4;

  private static final int KIND_SHIFT = 32;

  /** Words of a tuple. */
  private static final int TUPLE_WORDS = 5;

  private final FlowTable flows;
  private final PathTable paths;
  private final LentTuples lent;
  private final StateRows rows;
  private final boolean hasTuples;
  private Cursor[] cursors = {};
  private long position;
  private long[] seen = new long[1024];

  /**
   * Makes an empty journal.
   *
   * @param hasTuples whether what is lent already is told by this shard, for all of the worker
   */
  StateJournal(
      FlowTable flows, PathTable paths, LentTuples lent, StateRows rows, boolean hasTuples) {
    this.flows = flows;
    this.paths = paths;
    this.lent = lent;
    this.rows = rows;
    this.hasTuples = hasTuples;
    flows.listen(this);
    lent.copies(this);
    paths.listen(
        new EntryListener() {
          @Override
          public void changed(int record) {
            position++;
            for (Cursor it : cursors) {
              it.changed(PATH, record);
            }
          }

          @Override
          public void removed(int record) {
            position++;
            for (Cursor it : cursors) {
              it.pathGone(record);
            }
          }
        });
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
  public void process(Vector v) {
    if (cursors.length == 0) {
      return;
    }
    for (int i = v.from; i < v.to; i++) {
      v.current = i;
      int flow = v.flow[i] >>> 1;
      if (v.kind[i] != Vector.CONSUMED && flow < flows.entries() && flows.state(flow) != 0) {
        look(flow);
      }
    }
  }

  /** A flow has come from elsewhere, or may have changed. */
  void look(int flow) {
    long now = sum(flow);
    if (flow >= seen.length) {
      seen = Arrays.copyOf(seen, Math.max(flow + 1, 2 * seen.length));
    }
    if (seen[flow] != now || rows.changesUnseen(flow)) {
      seen[flow] = now;
      position++;
      for (Cursor it : cursors) {
        it.changed(FLOW, flow);
      }
    }
  }

  /** A sum over all that decides about the packets of a flow, never 0. */
  private long sum(int flow) {
    long[] words = flows.words(flow);
    int at = flows.at(flow);
    long sum = words[at + FlowTable.META];
    sum = sum * PRIME + words[at + FlowTable.CHANGES];
    sum = sum * PRIME + words[at + FlowTable.TAGS];
    sum = sum * PRIME + words[at + FlowTable.LOOK];
    for (int word = FlowTable.POLICY; word <= FlowTable.TCP; word++) {
      sum = sum * PRIME + words[at + word];
    }
    return Lanes.mix(sum) | 1;
  }

  /** An odd number without a pattern: the golden ratio in 64 bits. */
  private static final long PRIME = 0x9e37_79b9_7f4a_7c15L;

  @Override
  public void ended(int flow, EndReason why, long atNs) {
    if (flow < seen.length) {
      seen[flow] = 0;
    }
    position++;
    for (Cursor it : cursors) {
      it.flowGone(flow);
    }
  }

  @Override
  public void changed(long hash, int epoch, boolean isLent) {
    position++;
    for (Cursor it : cursors) {
      it.tuple(hash, epoch, isLent);
    }
  }

  @Override
  public Cursor open() {
    Cursor it = new Cursor();
    position++;
    for (int lane = 0; lane < Lanes.COUNT; lane++) {
      for (int flow = flows.firstOfLane(lane); flow >= 0; flow = flows.nextOfLane(flow)) {
        it.changed(FLOW, flow);
      }
      for (int record = paths.firstOfLane(lane); record >= 0; record = paths.nextOfLane(record)) {
        it.changed(PATH, record);
      }
    }
    if (hasTuples) {
      lent.all(it::tuple);
    }
    cursors = Arrays.copyOf(cursors, cursors.length + 1);
    cursors[cursors.length - 1] = it;
    return it;
  }

  /** One reader. */
  final class Cursor implements Journal.Cursor {

    private static final int FIRST_SIZE = 256;

    private final PacketBatch out = new PacketBatch(PacketBatch.TARGET_BYTES);
    private long[] items = new long[FIRST_SIZE];
    private long[] positions = new long[FIRST_SIZE];
    private long first;
    private int count;
    private final Places flowPlaces = new Places();
    private final Places pathPlaces = new Places();
    private final Words words = new Words();

    private void add(long kind, long entry) {
      if (count == items.length) {
        items = larger(items);
        positions = larger(positions);
      }
      int at = (int) ((first + count) & items.length - 1);
      items[at] = kind << KIND_SHIFT | entry;
      positions[at] = position;
      count++;
    }

    private long[] larger(long[] ring) {
      long[] larger = new long[2 * ring.length];
      for (long it = first; it < first + count; it++) {
        larger[(int) (it & larger.length - 1)] = ring[(int) (it & ring.length - 1)];
      }
      return larger;
    }

    private Places places(long kind) {
      return kind == FLOW ? flowPlaces : pathPlaces;
    }

    void changed(long kind, int entry) {
      if (places(kind).get(entry) == 0) {
        places(kind).set(entry, first + count + 1);
        add(kind, entry);
      }
    }

    void flowGone(int flow) {
      flowPlaces.set(flow, 0);
      for (int word = 0; word < TUPLE_WORDS; word++) {
        words.put(flows.get(flow, FlowTable.FORWARD + word));
      }
      add(FLOW_GONE, 0);
    }

    void pathGone(int record) {
      pathPlaces.set(record, 0);
      for (int word = 0; word < TUPLE_WORDS; word++) {
        words.put(paths.word(record, word));
      }
      add(PATH_GONE, 0);
    }

    void tuple(long hash, int epoch, boolean isLent) {
      words.put(hash);
      words.put(isLent ? epoch : -1);
      add(TUPLE, 0);
    }

    @Override
    public @Nullable Object export(int maxBytes) {
      out.count = 0;
      int used = 0;
      while (count > 0 && used < maxBytes && out.count < PacketBatch.MAX_PACKETS - 1) {
        int at = (int) (first & items.length - 1);
        long kind = items[at] >>> KIND_SHIFT;
        int entry = (int) items[at];
        first++;
        count--;
        used = export(kind, entry, used);
      }
      return out.count == 0 ? null : out;
    }

    private int export(long kind, int entry, int used) {
      if (kind == FLOW) {
        if (isCurrent(flowPlaces, entry)) {
          return rows.flow(entry, out, used);
        }
      } else if (kind == PATH) {
        if (isCurrent(pathPlaces, entry)) {
          return rows.path(entry, out, used);
        }
      } else if (kind == TUPLE) {
        return rows.tuple(words.take(), (int) words.take(), out, used);
      } else {
        int type = kind == FLOW_GONE ? StateMessage.FLOW_GONE : StateMessage.PATH_GONE;
        return rows.gone(type, words, TUPLE_WORDS, out, used);
      }
      return used;
    }

    /** Whether what was just taken is the place of an entry that there still is. */
    private boolean isCurrent(Places places, int entry) {
      boolean is = places.get(entry) == first;
      if (is) {
        places.set(entry, 0);
      }
      return is;
    }

    @Override
    public long exportedUpTo() {
      return count == 0 ? position : positions[(int) (first & items.length - 1)] - 1;
    }

    @Override
    public void close() {
      Cursor[] others = new Cursor[cursors.length - 1];
      int at = 0;
      for (Cursor it : cursors) {
        if (it != this) {
          others[at++] = it;
        }
      }
      cursors = others;
    }
  }

  /** Where an entry is written down, 0: nowhere. */
  private static final class Places {
    private long[] of = new long[256];

    long get(int entry) {
      return entry < of.length ? of[entry] : 0;
    }

    void set(int entry, long place) {
      if (entry >= of.length) {
        of = Arrays.copyOf(of, Math.max(entry + 1, 2 * of.length));
      }
      of[entry] = place;
    }
  }

  /** Words, first in, first out. */
  static final class Words {
    private long[] ring = new long[256];
    private int first;
    private int count;

    void put(long word) {
      if (count == ring.length) {
        long[] larger = new long[2 * ring.length];
        for (int i = 0; i < count; i++) {
          larger[i] = ring[first + i & ring.length - 1];
        }
        ring = larger;
        first = 0;
      }
      ring[first + count++ & ring.length - 1] = word;
    }

    long take() {
      long word = ring[first];
      first = first + 1 & ring.length - 1;
      count--;
      return word;
    }
  }
}
