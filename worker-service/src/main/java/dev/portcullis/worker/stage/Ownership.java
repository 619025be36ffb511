package dev.portcullis.worker.stage;

import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.worker.flow.Tuple;
import org.jspecify.annotations.Nullable;

/** What a shard owns by the present table. Thread: one shard. */
public final class Ownership {

  private final int self;
  private final int shards;
  private final int shard;

  /** Reused for keys that are computed. */
  public final FlowKey key = new FlowKey();

  /** Tells, while the table changes, which keys of this shard are here already. */
  public interface Admission {

    /** Whether the state of a key that this shard owns by the present table is here. */
    boolean isActive(int trafficClass, long vHigh, long vLow);
  }

  /** Null while the table does not change: all keys are here. */
  public @Nullable Admission admission;

  /** The present table, null before the first. */
  public @Nullable DistributionTable table;

  /** Describes shard {@code shard} of {@code shards} of worker {@code self}. */
  public Ownership(int self, int shards, int shard) {
    this.self = self;
    this.shards = shards;
    this.shard = shard;
  }

  /** The present table; only after {@code decode}, which drops everything while there is none. */
  public DistributionTable table() {
    if (table == null) {
      throw new IllegalStateException("a packet got past decode without a table");
    }
    return table;
  }

  /** Number of this worker. */
  public int self() {
    return self;
  }

  /** Number of this shard at its worker. */
  public int shard() {
    return shard;
  }

  /** Whether a key of this owner belongs to this shard. */
  public boolean owns(int owner, long vHigh, long vLow) {
    return owner == self && Lanes.shardOf(vHigh, vLow, shards) == shard;
  }

  /**
   * Whether a key of this owner belongs to this shard and its state is here. What belongs to this
   * shard and is not here is passed on to this shard itself: it waits.
   */
  public boolean isHere(int owner, int trafficClass, long vHigh, long vLow) {
    Admission it = admission;
    return owns(owner, vHigh, vLow) && (it == null || it.isActive(trafficClass, vHigh, vLow));
  }

  /** Returns the owner of packets with a tuple, and sets {@code to} to class and V of the key. */
  public int ownerOf(Tuple tuple, FlowKey to) {
    return ownerOf(table(), tuple, to);
  }

  /** As {@link #ownerOf(Tuple, FlowKey)}, by another table than the present one. */
  public static int ownerOf(DistributionTable table, Tuple tuple, FlowKey to) {
    return table.assign(
        (int) tuple.ports & 0xff,
        Tuple.protocol(tuple.ports),
        tuple.sourceHigh,
        tuple.sourceLow,
        tuple.destinationHigh,
        tuple.destinationLow,
        Tuple.hasPorts(tuple.ports),
        Tuple.sourcePort(tuple.ports),
        Tuple.destinationPort(tuple.ports),
        to);
  }

  /** As {@link #ownerOf(Tuple, FlowKey)}, if they are of this class, whatever their ports. */
  public int ownerOf(Tuple tuple, int trafficClass, FlowKey to) {
    return table()
        .assignIn(
            trafficClass,
            (int) tuple.ports & 0xff,
            Tuple.protocol(tuple.ports),
            tuple.sourceHigh,
            tuple.sourceLow,
            tuple.destinationHigh,
            tuple.destinationLow,
            Tuple.hasPorts(tuple.ports),
            Tuple.sourcePort(tuple.ports),
            Tuple.destinationPort(tuple.ports),
            to);
  }

  /** Place of this worker among those of a table, from 0; -1: it has none. */
  public int indexIn(DistributionTable table) {
    for (int i = 0; i < table.workers().size(); i++) {
      if (table.workers().get(i).number() == self) {
        return i;
      }
    }
    return -1;
  }

  /** Whether a lane of this worker is run by this shard. */
  public boolean runs(int lane) {
    return lane % shards == shard;
  }

  /** Returns the link lane of a worker that has this lane of keys. */
  public int linkLane(int owner, int lane) {
    Member member = owner == self ? null : table().worker(owner);
    return lane % (member == null ? shards : member.shards());
  }

  /**
   * Marks a row as passed on to a lane of keys of a worker.
   *
   * @param flags how it is marked besides
   */
  public void passOn(Vector v, int i, int owner, int lane, int flags) {
    v.kind[i] = Vector.PASSED_ON;
    v.worker[i] = owner;
    v.lane[i] = linkLane(owner, lane);
    v.batch.flags[i] |= flags;
  }
}
