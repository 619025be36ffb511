package dev.portcullis.io.ingress;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.ModuleLinks;
import dev.portcullis.core.link.Outlet;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.core.wire.PacketHeader;
import org.jspecify.annotations.Nullable;

/**
 * Steps 202 to 206 of the patent's figure 2A: computes V of each frame, looks its worker up, tags
 * the frame and puts it into the batch for that worker. Keeps nothing per flow.
 *
 * <p>Thread: the loop of the IO module.
 */
public final class Ingress {

  private final Topology topology;
  private final ModuleLinks links;
  private final IngressCounts counts;
  private final PacketHeader header = new PacketHeader();
  private final FlowKey key = new FlowKey();

  private @Nullable DistributionTable table;
  private @Nullable Outlet[][] outlets = new Outlet[0][];
  private long lastNumber;

  /** Told where frames went. */
  public interface IngressCounts {

    /** A frame went to a worker. */
    void passedOn();

    /** Row {@code i} was dropped for {@code reason}. */
    void dropped(PacketBatch batch, int i, DropReason reason);

    /** A fault of the gateway on row {@code i}, which is dropped. */
    void failed(PacketBatch batch, int i, RuntimeException fault);
  }

  /** Makes an ingress without a table: until {@link #table} it drops everything. */
  public Ingress(Topology topology, ModuleLinks links, IngressCounts counts) {
    this.topology = topology;
    this.links = links;
    this.counts = counts;
  }

  /** From now on assigns by {@code next}. */
  public void table(DistributionTable next) {
    int highest = -1;
    for (Member member : next.workers()) {
      highest = Math.max(highest, member.number());
    }
    @Nullable Outlet[][] byWorker = new Outlet[highest + 1][];
    for (Member member : next.workers()) {
      Outlet[] lanes = new Outlet[member.shards()];
      for (int lane = 0; lane < lanes.length; lane++) {
        lanes[lane] = links.outlet(0, ModuleId.worker(member.number()), lane);
      }
      byWorker[member.number()] = lanes;
    }
    outlets = byWorker;
    table = next;
  }

  /** Passes time (a row with {@link PacketFlags#TICK}) to every lane of every worker. */
  private void tick(PacketBatch batch, int i) {
    for (Outlet @Nullable [] lanes : outlets) {
      if (lanes != null) {
        for (Outlet outlet : lanes) {
          outlet.offer(batch, i);
        }
      }
    }
  }

  /** Assigns, tags and passes on all rows of a batch. */
  public void take(PacketBatch batch) {
    for (int i = 0; i < batch.count; i++) {
      if ((batch.flags[i] & PacketFlags.TICK) != 0) {
        batch.ingressTag[i] = batch.tag[i];
        tick(batch, i);
        continue;
      }
      if (batch.number[i] == 0) {
        batch.number[i] = ++lastNumber;
      }
      batch.ingressTag[i] = batch.tag[i];
      DropReason reason = guarded(batch, i);
      if (reason == DropReason.NONE) {
        counts.passedOn();
      } else {
        counts.dropped(batch, i, reason);
      }
    }
  }

  /** What fails all the same costs the packet. */
  private DropReason guarded(PacketBatch batch, int i) {
    try {
      return pass(batch, i);
    } catch (RuntimeException e) {
      counts.failed(batch, i, e);
      return DropReason.STAGE_FAILED;
    }
  }

  private DropReason pass(PacketBatch batch, int i) {
    if ((batch.flags[i] & PacketFlags.REFUSED) != 0) {
      return DropReason.byId(batch.reason[i]);
    }
    DistributionTable current = table;
    if (current == null) {
      return DropReason.NO_TABLE;
    }
    if (batch.l2Length[i] + batch.dataLength[i] > PacketBatch.MAX_PACKET_BYTES) {
      return DropReason.TOO_LARGE;
    }
    boolean nonIp = (batch.flags[i] & PacketFlags.NON_IP) != 0;
    int worker = nonIp ? assignNothingReadable(current) : assign(current, batch, i);
    batch.vHigh[i] = key.vHigh;
    batch.vLow[i] = key.vLow;
    batch.trafficClass[i] = key.trafficClass;
    if (!nonIp && topology.inlinePartner(batch.tag[i]) < 0) {
      batch.l2Length[i] = 0;
      batch.linkType[i] = 0;
    }
    Outlet[] lanes = worker >= 0 && worker < outlets.length ? outlets[worker] : null;
    if (lanes == null) {
      return DropReason.WORKER_UNREACHABLE;
    }
    Outlet outlet = lanes[Lanes.shardOf(key.vHigh, key.vLow, lanes.length)];
    return outlet.offer(batch, i) ? DropReason.NONE : DropReason.LINK_QUEUE_FULL;
  }

  private int assign(DistributionTable current, PacketBatch batch, int i) {
    header.parse(batch.bytes, batch.dataOffset[i], batch.dataLength[i]);
    return header.hasAddresses ? current.assign(header, key) : assignNothingReadable(current);
  }

  private int assignNothingReadable(DistributionTable current) {
    key.vHigh = 0;
    key.vLow = 0;
    key.trafficClass = 0;
    return current.owner(0, 0, 0);
  }

  /**
   * Whether every worker's queue has room for a batch, or nothing in it.
   *
   * @param queueBytes bound of a queue
   */
  public boolean hasRoom(int queueBytes) {
    for (Outlet @Nullable [] lanes : outlets) {
      if (lanes == null) {
        continue;
      }
      for (Outlet outlet : lanes) {
        long pending = outlet.pendingBytes();
        if (pending > 0 && pending + PacketBatch.MAX_BYTES > queueBytes) {
          return false;
        }
      }
    }
    return true;
  }

  /** Packets whose passing expression failed. */
  public long expressionFailures() {
    return key.failures;
  }

  /** Sends what is gathered for every worker. */
  public void flush() {
    for (Outlet @Nullable [] lanes : outlets) {
      if (lanes != null) {
        for (Outlet outlet : lanes) {
          outlet.flush();
        }
      }
    }
  }
}
