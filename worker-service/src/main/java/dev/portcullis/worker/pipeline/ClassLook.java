package dev.portcullis.worker.pipeline;

import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.policy.GatewaySpec.Protocol;
import dev.portcullis.core.policy.GatewaySpec.TrafficClass;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.core.wire.TcpNumbers;
import dev.portcullis.worker.flow.FlowListener;
import dev.portcullis.worker.flow.FlowState;
import dev.portcullis.worker.flow.FlowTable;
import java.util.List;

/**
 * Tells the class of a TCP connection by the first bytes of both sides (patent, F10), in the order
 * of their sequence numbers: a segment that comes too early is passed over, one that is repeated is
 * not read again. It looks from the first SYN on, at {@link #PACKETS} packets at most; what was
 * picked up mid-stream, and data in the SYN, it does not look at.
 *
 * <p>What a look finds wins over a class that ports told, unless that class has no {@code detect}:
 * then its ports are meant.
 *
 * <p>The word {@link FlowTable#LOOK} has, for each direction, the state of {@link Signatures} and
 * the lower 24 bits of the next sequence number. Thread: one shard.
 */
final class ClassLook implements FlowListener {

  /** The most packets of a flow, of both sides, while it is looked at. */
  static final int PACKETS = 64;

  /** {@link #look}: nothing was found yet. */
  static final int WAITS = -1;

  /** {@link #look}: nothing will be found. */
  static final int NOTHING = 0;

  private static final int STATE_SHIFT = 24;
  private static final int SEQUENCE = (1 << STATE_SHIFT) - 1;

  /** State of the second side before its SYN. */
  private static final int SILENT = 255;

  private final FlowTable flows;
  private final int[] classOf = new int[Protocol.values().length];
  private final boolean[] isSubject = new boolean[DistributionTable.MAX_CLASSES];

  private ClassLook(FlowTable flows, List<TrafficClass> classes) {
    this.flows = flows;
    isSubject[0] = true;
    for (int i = 0; i < classes.size(); i++) {
      Protocol detected = classes.get(i).detect();
      if (detected != Protocol.NONE) {
        classOf[detected.ordinal()] = i + 1;
        isSubject[i + 1] = true;
      }
    }
  }

  /** Begins to look at the flows that open in a table, if any class is told by looking. */
  static ClassLook of(FlowTable flows, GatewaySpec spec) {
    List<TrafficClass> classes = spec.distribution().classes();
    ClassLook look = new ClassLook(flows, classes);
    if (classes.stream().anyMatch(it -> it.detect() != Protocol.NONE)) {
      flows.listen(look);
    }
    return look;
  }

  @Override
  public void opened(int flow) {
    if (flows.state(flow) == FlowState.TCP_SYN_SENT
        && isSubject[flows.trafficClass(flow) & ~DistributionTable.PINNED]) {
      // the number behind all that the first side has sent: behind its SYN
      int next = (int) (flows.get(flow, FlowTable.WINDOWS) >>> 32) & SEQUENCE;
      flows.set(flow, FlowTable.LOOK, side(1, SILENT, 0) | side(0, Signatures.CLIENT, next));
      flows.mark(flow, FlowTable.LOOKING);
    }
  }

  private static long side(int direction, int state, int next) {
    return ((long) state << STATE_SHIFT | next & SEQUENCE) << 32 * direction;
  }

  /**
   * Whether a packet of a flow that is looked at can tell anything: it must be alone in its run.
   */
  static boolean concerns(PacketHeader h, byte[] bytes) {
    return (h.tcpFlags & PacketHeader.SYN) != 0 || TcpNumbers.payload(bytes, h) < h.end;
  }

  /**
   * Reads what a packet of a flow brings.
   *
   * @return the class that it tells, {@link #WAITS} or {@link #NOTHING}; then it is not looked at
   *     any more, unless it waits
   */
  int look(int flow, int direction, PacketHeader h, byte[] bytes) {
    long word = flows.get(flow, FlowTable.LOOK);
    int half = (int) (word >>> 32 * direction);
    int state = half >>> STATE_SHIFT;
    int sequence = TcpNumbers.sequence(bytes, h);
    if ((h.tcpFlags & PacketHeader.SYN) != 0) {
      if (direction == 1 && (state == SILENT || state == Signatures.SERVER)) {
        write(flow, word, 1, Signatures.SERVER, sequence + 1);
      }
      return WAITS;
    }
    int from = TcpNumbers.payload(bytes, h);
    int repeated = half - sequence & SEQUENCE;
    if (state != SILENT && !Signatures.isOver(state) && repeated < h.end - from) {
      state = Signatures.read(state, bytes, from + repeated, h.end);
      int found = classOf[Signatures.found(state)];
      if (found != 0) {
        flows.unmark(flow, FlowTable.LOOKING);
        return found;
      }
      word = write(flow, word, direction, state, sequence + h.end - from);
    }
    boolean isOver =
        Signatures.isOver((int) word >>> STATE_SHIFT)
            && Signatures.isOver((int) (word >>> 32 + STATE_SHIFT));
    if (isOver || packets(flow) >= PACKETS) {
      flows.unmark(flow, FlowTable.LOOKING);
      return NOTHING;
    }
    return WAITS;
  }

  private long write(int flow, long word, int direction, int state, int next) {
    long changed = word & ~(0xffff_ffffL << 32 * direction) | side(direction, state, next);
    flows.set(flow, FlowTable.LOOK, changed);
    return changed;
  }

  private long packets(int flow) {
    return flows.packets(flow, 0) + flows.packets(flow, 1);
  }
}
