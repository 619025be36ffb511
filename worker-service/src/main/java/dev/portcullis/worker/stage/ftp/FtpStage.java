package dev.portcullis.worker.stage.ftp;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.Outlet;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.EndReason;
import dev.portcullis.worker.flow.Expectations;
import dev.portcullis.worker.flow.Expectations.Expected;
import dev.portcullis.worker.flow.FlowListener;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.NatPorts;
import dev.portcullis.worker.flow.PortBlocks;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.stage.Outlets;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.Stage;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads FTP control connections (RFC 959, RFC 2428): the data connection that a line announces is
 * expected where its first packet will arrive - by the addresses, or, where the port that is not
 * known decides, at every shard of every worker - and the packet that announces it goes on when all
 * have said so. First of the stages, before a packet changes anything, because such a packet comes
 * through all of them a second time. Here, too, acknowledgements lose the shift that {@link
 * FtpRewriteStage} has given to what they acknowledge.
 *
 * <p>Only a line at a place where a line is known to begin counts, whole in one segment, with the
 * speaker's own address (RFC 2577 section 3) and a port from 1024.
 */
public final class FtpStage implements Stage, FlowListener {

  /** How long an announcement waits for workers that do not answer. */
  public static final long PATIENCE_NS = 20_000_000L;

  /** Source port of a server's data connection, as far as one has to be assumed. */
  private static final int DATA_PORT = 20;

  private static final int LEAST_PORT = 1024;

  private final int[] ports;
  private final FlowTable flows;
  private final Expectations expectations;
  private final NatPorts natPorts;
  private final PortBlocks blocks;
  private final Ownership ownership;
  private final Outlets outlets;
  private final ModuleId self;
  private final int shard;
  private final FtpCommand command = new FtpCommand();
  private final FtpMessage message = new FtpMessage();
  private final Expected expected = new Expected();
  private final Tuple reply = new Tuple();
  private final long[] givenBack = new long[2];
  private final List<Outlet> used = new ArrayList<>();
  private final Map<Long, FtpHold> waiting = new HashMap<>();
  private final ArrayDeque<FtpHold> ready = new ArrayDeque<>();
  private @Nullable FtpControl[] controls = new FtpControl[16];
  private int free = 0;
  private long nextToken;
  private long late;
  private long full;

  /**
   * Makes the stage; it listens to {@code flows}.
   *
   * @param ports ports of servers
   * @param shard number of the shard at this worker
   */
  public FtpStage(
      int[] ports,
      FlowTable flows,
      Expectations expectations,
      NatPorts natPorts,
      PortBlocks blocks,
      Ownership ownership,
      Outlets outlets,
      int shard) {
    this.ports = ports.clone();
    this.flows = flows;
    this.expectations = expectations;
    this.natPorts = natPorts;
    this.blocks = blocks;
    this.ownership = ownership;
    this.outlets = outlets;
    this.self = ModuleId.worker(ownership.self());
    this.shard = shard;
    flows.listen(this);
  }

  @Override
  public void opened(int flow) {
    long word = flows.get(flow, FlowTable.REVERSE + 4);
    if (Tuple.protocol(word) == PacketHeader.TCP && isControl(Tuple.sourcePort(word))) {
      while (free < controls.length && controls[free] != null) {
        free++;
      }
      if (free == controls.length) {
        controls = Arrays.copyOf(controls, free * 2);
      }
      controls[free] = new FtpControl();
      flows.set(flow, FlowTable.HELPER, free + 1);
      flows.addFlags(flow, FlowTable.HELPED);
    }
  }

  private boolean isControl(int port) {
    for (int it : ports) {
      if (it == port) {
        return true;
      }
    }
    return false;
  }

  @Override
  public void ended(int flow, EndReason why, long atNs) {
    FtpControl control = control(flow);
    if (control == null) {
      return;
    }
    for (int i = 0; i < control.reservedCount(); i++) {
      natPorts.release(control.reservedPool(i), control.reservedPort(i));
    }
    free = (int) flows.get(flow, FlowTable.HELPER) - 1;
    controls[free] = null;
  }

  /** Returns what is known of a control connection, null for another flow. */
  @Nullable FtpControl control(int flow) {
    return (flows.flags(flow) & FlowTable.HELPED) == 0
        ? null
        : controls[(int) flows.get(flow, FlowTable.HELPER) - 1];
  }

  @Override
  public void process(Vector v) {
    for (int i = v.from; i < v.to; i++) {
      v.current = i;
      if (v.kind[i] == Vector.KNOWN) {
        FtpControl control = control(v.flow[i] >>> 1);
        if (control != null) {
          look(v, i, control);
        }
      }
    }
  }

  private void look(Vector v, int i, FtpControl control) {
    FtpControl.Side side = control.sides[v.flow[i] & 1];
    PacketHeader h = v.header[i];
    FtpHold hold = side.hold;
    if (hold == null) {
      hold = read(v, i, control, side);
    }
    if (hold != null) {
      if (hold.add(v.batch, i)) {
        v.hold(i);
      } else {
        v.drop(i, StageName.FTP, DropReason.HOLD_OVERFLOW);
      }
      return;
    }
    SequenceShift acknowledged = control.sides[1 - (v.flow[i] & 1)].shift;
    if (!acknowledged.isNothing()) {
      TcpNumbers.acknowledge(v.batch.bytes, h, acknowledged);
    }
  }

  /** Returns what the packet has to wait for, null: nothing. */
  private @Nullable FtpHold read(Vector v, int i, FtpControl control, FtpControl.Side side) {
    PacketHeader h = v.header[i];
    byte[] bytes = v.batch.bytes;
    int start = TcpNumbers.payload(bytes, h);
    if (start >= h.end) {
      return null;
    }
    int sequence = (int) PacketHeader.u32(bytes, h.transportOffset + 4);
    boolean again = side.hasAnnounced && side.announced == sequence;
    boolean atLine = side.nextLineKnown && side.nextLine == sequence;
    FtpHold hold = null;
    if (!again && atLine) {
      boolean fromServer = (v.flow[i] & 1) != 0;
      if (command.read(bytes, start, h.end, fromServer) != FtpCommand.NONE) {
        hold = announced(v, i, control, side, sequence);
      }
    }
    int end = sequence + h.end - start;
    if (bytes[h.end - 1] == '\n' && (!side.nextLineKnown || end - side.nextLine > 0)) {
      side.nextLine = end;
      side.nextLineKnown = true;
    }
    return hold;
  }

  private @Nullable FtpHold announced(
      Vector v, int i, FtpControl control, FtpControl.Side side, int sequence) {
    int flow = v.flow[i] >>> 1;
    long nowNs = v.batch.captureTimeNs[i];
    boolean fromServer = (v.flow[i] & 1) != 0;
    if (command.port < LEAST_PORT || !isOwnAddress(flow, v.header[i].version, fromServer)) {
      return null;
    }
    expected.rule = flows.rule(flow);
    expected.lane = flows.lane(flow);
    boolean possible =
        fromServer ? passive(flow, side) : active(flow, control, side, v.header[i], nowNs);
    if (!possible) {
      return null;
    }
    side.announced = sequence;
    side.hasAnnounced = true;
    return spread(side, nowNs);
  }

  private boolean isOwnAddress(int flow, int version, boolean fromServer) {
    if (command.version == 0) {
      return true;
    }
    int own = fromServer ? FlowTable.REVERSE : FlowTable.FORWARD;
    return command.version == version
        && command.high == flows.get(flow, own)
        && command.low == flows.get(flow, own + 1);
  }

  /** The server will open the connection, to the client as the server sees it. */
  private boolean active(
      int flow, FtpControl control, FtpControl.Side side, PacketHeader h, long nowNs) {
    int flags = flows.flags(flow);
    long serverHigh = flows.get(flow, FlowTable.REVERSE);
    long serverLow = flows.get(flow, FlowTable.REVERSE + 1);
    long clientHigh = flows.get(flow, FlowTable.REVERSE + 2);
    long clientLow = flows.get(flow, FlowTable.REVERSE + 3);
    int port = command.port;
    expected.receiver = (flags & FlowTable.SNAT) != 0;
    if (expected.receiver) {
      int pool = blocks.pool(clientHigh, clientLow);
      if (pool >= 0) {
        reply.set(
            serverHigh,
            serverLow,
            clientHigh,
            clientLow,
            Tuple.ports(h.version, PacketHeader.TCP, true, DATA_PORT, 0));
        port = natPorts.reserve(pool, flows.lane(flow), reply, nowNs);
        if (port < 0) {
          return false;
        }
        if (control.reserve(pool, port, givenBack) >= 0) {
          natPorts.release((int) givenBack[0], (int) givenBack[1]);
        }
      }
    }
    expected.of(h.version, serverHigh, serverLow, clientHigh, clientLow, port);
    expected.toHigh = flows.get(flow, FlowTable.FORWARD);
    expected.toLow = flows.get(flow, FlowTable.FORWARD + 1);
    expected.toPort = command.port;
    expected.sender = (flags & FlowTable.DNAT) != 0;
    expected.fromHigh = flows.get(flow, FlowTable.FORWARD + 2);
    expected.fromLow = flows.get(flow, FlowTable.FORWARD + 3);
    rewrite(side, expected.receiver, clientHigh, clientLow, port);
    return true;
  }

  /** The client will open the connection, to the server as the client sees it. */
  private boolean passive(int flow, FtpControl.Side side) {
    int version = (int) flows.get(flow, FlowTable.FORWARD + 4) & 0xff;
    long shownHigh = flows.get(flow, FlowTable.FORWARD + 2);
    long shownLow = flows.get(flow, FlowTable.FORWARD + 3);
    expected.of(
        version,
        flows.get(flow, FlowTable.FORWARD),
        flows.get(flow, FlowTable.FORWARD + 1),
        shownHigh,
        shownLow,
        command.port);
    expected.receiver = (flows.flags(flow) & FlowTable.DNAT) != 0;
    expected.toHigh = flows.get(flow, FlowTable.REVERSE);
    expected.toLow = flows.get(flow, FlowTable.REVERSE + 1);
    expected.toPort = command.port;
    expected.sender = false;
    rewrite(side, expected.receiver, shownHigh, shownLow, command.port);
    return true;
  }

  private static void rewrite(
      FtpControl.Side side, boolean rewritten, long high, long low, int port) {
    side.rewritten = rewritten;
    side.toHigh = high;
    side.toLow = low;
    side.toPort = port;
  }

  /** Makes the connection expected where it may arrive; null: it is, everywhere. */
  private @Nullable FtpHold spread(FtpControl.Side side, long nowNs) {
    DistributionTable table = ownership.table();
    long token = ++nextToken;
    int asked = 0;
    if (knowsPorts(table)) {
      for (int a = 0; a < table.workers().size(); a++) {
        Member member = table.workers().get(a);
        for (int lane = 0; lane < member.shards(); lane++) {
          asked += place(member.number(), lane, token, nowNs);
        }
      }
    } else {
      int owner =
          table.assign(
              (int) expected.tuple.ports & 0xff,
              PacketHeader.TCP,
              expected.tuple.sourceHigh,
              expected.tuple.sourceLow,
              expected.tuple.destinationHigh,
              expected.tuple.destinationLow,
              false,
              0,
              0,
              ownership.key);
      int lane = Lanes.laneOf(ownership.key.vHigh, ownership.key.vLow);
      asked = place(owner, ownership.linkLane(owner, lane), token, nowNs);
    }
    if (asked == 0) {
      return null;
    }
    FtpHold hold = new FtpHold(side, asked, nowNs);
    side.hold = hold;
    waiting.put(token, hold);
    return hold;
  }

  /** Whether where a packet goes may depend on a port that is not known yet. */
  private static boolean knowsPorts(DistributionTable table) {
    if (table.classNames().size() > 1) {
      return true;
    }
    return switch (table.algorithm(0)) {
      case IP_SUM, IP_SOURCE, IP_DESTINATION, IP_SUM_WEIGHTED -> false;
      default -> true;
    };
  }

  private int place(int worker, int lane, long token, long nowNs) {
    if (worker == self.number() && lane == shard) {
      expect(expected, nowNs);
      return 0;
    }
    return send(worker, lane, message.expect(expected, token, self, shard, nowNs)) ? 1 : 0;
  }

  private void expect(Expected it, long nowNs) {
    full += expectations.put(it, nowNs) ? 0 : 1;
  }

  private boolean send(int worker, int lane, PacketBatch row) {
    Outlet outlet = outlets.to(ModuleId.worker(worker), lane);
    if (outlet == null || !outlet.offer(row, 0)) {
      return false;
    }
    if (!used.contains(outlet)) {
      used.add(outlet);
    }
    return true;
  }

  /** Sends what was said to other workers. */
  public void flush() {
    for (int i = 0; i < used.size(); i++) {
      used.get(i).flush();
    }
    used.clear();
  }

  /** Takes a message of another shard; what is none of these is left alone. */
  public void message(PacketBatch batch, int i) {
    long nowNs = batch.captureTimeNs[i];
    switch (FtpMessage.type(batch, i)) {
      case FtpMessage.EXPECT -> {
        FtpMessage.read(batch, i, expected);
        expect(expected, nowNs);
        send(
            FtpMessage.worker(batch, i),
            FtpMessage.originLane(batch, i),
            message.expected(FtpMessage.token(batch, i), nowNs));
      }
      case FtpMessage.EXPECTED -> {
        long token = FtpMessage.token(batch, i);
        FtpHold hold = waiting.get(token);
        if (hold != null && --hold.awaited == 0) {
          waiting.remove(token);
          goOn(hold);
        }
      }
      default -> {}
    }
  }

  private void goOn(FtpHold hold) {
    hold.side.hold = null;
    ready.add(hold);
  }

  /** Time has come: who waited too long goes on, and what did not come is forgotten. */
  public void tick(long nowNs) {
    waiting
        .values()
        .removeIf(
            hold -> {
              boolean due = nowNs - hold.sinceNs >= PATIENCE_NS;
              if (due) {
                late++;
                goOn(hold);
              }
              return due;
            });
    expectations.expire(nowNs);
  }

  /** Returns packets that go on now, from the start of the pipeline; null: none. */
  public @Nullable PacketBatch poll() {
    FtpHold hold = ready.poll();
    return hold == null ? null : hold.rows;
  }

  /** Announcements that went on before all workers had answered. May be read by any thread. */
  public long late() {
    return late;
  }

  /** Connections that could not be expected because the table was full. Any thread. */
  public long full() {
    return full;
  }
}
