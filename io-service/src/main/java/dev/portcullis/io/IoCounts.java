package dev.portcullis.io;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.Counters;
import dev.portcullis.core.counters.DropCounters;
import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.counters.Reading;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.io.egress.Egress;
import dev.portcullis.io.port.Port;
import java.util.List;

/**
 * What an IO module has counted: frames and bytes in and out by port, and drops by stage and
 * reason. What came in was dropped here or passed on to a worker; what workers sent left or was
 * dropped here. Bytes are those of the frames as captured.
 *
 * <p>Thread: one writer, the loop of the module; any thread reads.
 */
final class IoCounts implements Egress.EgressCounts, MetricsSource {

  private static final int PER_PORT = 5;

  private final Counters counters;
  private final int[] received;
  private final int[] receivedBytes;
  private final int[] nonIp;
  private final int[] forwarded;
  private final int[] forwardedBytes;
  private final DropCounters ingressDrops;
  private final DropCounters egressDrops;
  private final int epochSlot;
  private final int originatedSlot;
  private final int expressionFailuresSlot;

  /** Counts for these ports, all zero. */
  IoCounts(String module, List<Port> ports) {
    int tags = ports.stream().mapToInt(Port::tag).max().orElse(-1) + 1;
    counters = new Counters(PER_PORT * ports.size() + 2 * DropCounters.slots() + 3);
    received = new int[tags];
    receivedBytes = new int[tags];
    nonIp = new int[tags];
    forwarded = new int[tags];
    forwardedBytes = new int[tags];
    for (Port port : ports) {
      received[port.tag()] = counters.slot(Counter.PACKETS_RECEIVED, module, port.name());
      receivedBytes[port.tag()] = counters.slot(Counter.BYTES_RECEIVED, module, port.name());
      nonIp[port.tag()] = counters.slot(Counter.PACKETS_NON_IP, module, port.name());
      forwarded[port.tag()] = counters.slot(Counter.PACKETS_FORWARDED, module, port.name());
      forwardedBytes[port.tag()] = counters.slot(Counter.BYTES_FORWARDED, module, port.name());
    }
    ingressDrops = DropCounters.ofStage(counters, module, "ingress");
    egressDrops = DropCounters.ofStage(counters, module, "egress");
    epochSlot = counters.slot(Counter.TABLE_EPOCH, module);
    originatedSlot = counters.slot(Counter.PACKETS_ORIGINATED, module);
    expressionFailuresSlot = counters.slot(Counter.EXPRESSION_FAILURES, module);
  }

  /** Counts all rows, whose tags are those of ports of this module, as received. */
  void received(PacketBatch batch) {
    for (int i = 0; i < batch.count; i++) {
      if ((batch.flags[i] & PacketFlags.TICK) != 0) {
        continue;
      }
      int tag = batch.tag[i];
      counters.increment(received[tag]);
      counters.add(receivedBytes[tag], batch.l2Length[i] + batch.dataLength[i]);
      if ((batch.flags[i] & PacketFlags.NON_IP) != 0) {
        counters.increment(nonIp[tag]);
      }
    }
  }

  @Override
  public void forwarded(Port port, PacketBatch batch, int i) {
    if ((batch.flags[i] & PacketFlags.ORIGINATED) != 0) {
      counters.increment(originatedSlot);
    } else {
      counters.add(forwarded[port.tag()], batch.frames(i));
    }
    counters.add(forwardedBytes[port.tag()], batch.l2Length[i] + batch.dataLength[i]);
  }

  @Override
  public void dropped(PacketBatch batch, int i, DropReason reason) {
    egressDrops.count(reason, batch.frames(i));
  }

  /** Counts a frame as dropped before it went to a worker. */
  void droppedAtIngress(DropReason reason) {
    ingressDrops.count(reason);
  }

  /** Counts packets that a worker had when it died. */
  void lost(long packets) {
    ingressDrops.count(DropReason.LINK_LOST, packets);
  }

  /** Packets whose passing expression failed since the start. */
  void expressionFailures(long packets) {
    counters.set(expressionFailuresSlot, packets);
  }

  /** The table that the module assigns by. */
  void epoch(int epoch) {
    counters.set(epochSlot, epoch);
  }

  @Override
  public List<Reading> readings() {
    return counters.readings();
  }
}
