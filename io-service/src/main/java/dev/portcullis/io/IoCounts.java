package dev.portcullis.io;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.Counters;
import dev.portcullis.core.counters.DropCounters;
import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.counters.Reading;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.process.Faults;
import dev.portcullis.io.egress.Egress;
import dev.portcullis.io.port.Departures;
import dev.portcullis.io.port.Port;
import java.util.List;

/**
 * What an IO module has counted: frames and bytes in and out by port, and drops by stage and
 * reason. What came in was passed on to a worker or dropped at ingress; what workers returned left
 * or was dropped at egress: {@code received = passed on + dropped at ingress}, {@code returned =
 * forwarded + dropped at egress}. Bytes are those of the frames as captured.
 *
 * <p>Thread: one writer, the loop of the module; any thread reads.
 */
final class IoCounts implements Egress.EgressCounts, Departures, MetricsSource {

  private static final int PER_PORT = 7;

  private final Counters counters;
  private final Faults faults;
  private final int[] received;
  private final int[] receivedBytes;
  private final int[] nonIp;
  private final int[] forwarded;
  private final int[] forwardedBytes;
  private final int[] overrun;
  private final int[] unlearned;
  private final DropCounters ingressDrops;
  private final DropCounters egressDrops;
  private final int epochSlot;
  private final int originatedSlot;
  private final int expressionFailuresSlot;
  private final int passedOnSlot;
  private final int returnedSlot;
  private final int lostSlot;

  /** Counts for these ports, all zero. */
  IoCounts(String module, List<Port> ports) {
    int tags = ports.stream().mapToInt(Port::tag).max().orElse(-1) + 1;
    faults = new Faults(module + ": taking in or putting out");
    counters = new Counters(PER_PORT * ports.size() + 2 * DropCounters.slots() + 7);
    received = new int[tags];
    receivedBytes = new int[tags];
    nonIp = new int[tags];
    forwarded = new int[tags];
    forwardedBytes = new int[tags];
    overrun = new int[tags];
    unlearned = new int[tags];
    for (Port port : ports) {
      received[port.tag()] = counters.slot(Counter.PACKETS_RECEIVED, module, port.name());
      receivedBytes[port.tag()] = counters.slot(Counter.BYTES_RECEIVED, module, port.name());
      nonIp[port.tag()] = counters.slot(Counter.PACKETS_NON_IP, module, port.name());
      forwarded[port.tag()] = counters.slot(Counter.PACKETS_FORWARDED, module, port.name());
      forwardedBytes[port.tag()] = counters.slot(Counter.BYTES_FORWARDED, module, port.name());
      overrun[port.tag()] = counters.slot(Counter.PORT_OVERRUNS, module, port.name());
      unlearned[port.tag()] = counters.slot(Counter.STATIONS_UNLEARNED, module, port.name());
    }
    ingressDrops = DropCounters.ofStage(counters, module, "ingress");
    egressDrops = DropCounters.ofStage(counters, module, "egress");
    epochSlot = counters.slot(Counter.TABLE_EPOCH, module);
    originatedSlot = counters.slot(Counter.PACKETS_ORIGINATED, module);
    expressionFailuresSlot = counters.slot(Counter.EXPRESSION_FAILURES, module);
    passedOnSlot = counters.slot(Counter.PACKETS_PASSED_ON, module);
    returnedSlot = counters.slot(Counter.PACKETS_RETURNED, module);
    lostSlot = counters.slot(Counter.PACKETS_DROPPED, module, "link", DropReason.LINK_LOST.label());
    // an IO module keeps no packets: what it has taken it has passed on or dropped
    counters.slot(Counter.PACKETS_HELD, module);
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

  /** Counts a frame that went to a worker. */
  void passedOn() {
    counters.increment(passedOnSlot);
  }

  @Override
  public void returned(PacketBatch batch, int i) {
    counters.add(returnedSlot, batch.frames(i));
  }

  @Override
  public void forwarded(Port port, PacketBatch batch, int i) {
    left(port.tag(), batch.frames(i), batch.flags[i], batch.l2Length[i] + batch.dataLength[i]);
  }

  @Override
  public void left(int tag, int frames, int flags, int bytes) {
    if ((flags & PacketFlags.ORIGINATED) != 0) {
      counters.increment(originatedSlot);
    } else {
      counters.add(forwarded[tag], frames);
    }
    counters.add(forwardedBytes[tag], bytes);
  }

  @Override
  public void failed(int frames, DropReason reason) {
    egressDrops.count(reason, frames);
  }

  @Override
  public void said(int tag, int bytes) {
    counters.increment(originatedSlot);
    counters.add(forwardedBytes[tag], bytes);
  }

  @Override
  public void dropped(PacketBatch batch, int i, DropReason reason) {
    egressDrops.count(reason, batch.frames(i));
  }

  @Override
  public void overrun(int tag, long frames) {
    counters.set(overrun[tag], frames);
  }

  @Override
  public void unlearned(int tag, long frames) {
    counters.set(unlearned[tag], frames);
  }

  @Override
  public void failed(PacketBatch batch, int i, RuntimeException fault) {
    faults.failed(batch.number[i], fault);
  }

  /** Counts a frame as dropped before it went to a worker. */
  void droppedAtIngress(DropReason reason) {
    ingressDrops.count(reason);
  }

  /** Counts packets that a worker had when it died. */
  void lost(long packets) {
    counters.add(lostSlot, packets);
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
