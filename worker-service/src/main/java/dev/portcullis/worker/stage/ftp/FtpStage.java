package dev.portcullis.worker.stage.ftp;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.policy.GatewaySpec.ExceptionAction;
import dev.portcullis.core.wire.FtpLine;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.core.wire.PayloadChanges;
import dev.portcullis.core.wire.TcpNumbers;
import dev.portcullis.worker.flow.Expectations;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.policy.FtpRules;
import dev.portcullis.worker.policy.LivePolicy;
import dev.portcullis.worker.stage.Announcer;
import dev.portcullis.worker.stage.Stage;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;
import java.util.Arrays;

/**
 * Reads FTP control connections (RFC 959, RFC 2428): the data connection that a line announces is
 * expected, translated as its control connection is, and the packet that announces it goes on when
 * all shards that may get the first packet know of it. Address and port in the line become those
 * that the other side can reach; what follows is shifted by what the line has grown.
 *
 * <p>What is read has passed stateful inspection. A line counts where it is known to begin - behind
 * the end of another one - and where it is whole in its segment, with an address and a port that
 * {@link FtpRules} allow. Everything else passes as it is, and nothing is expected. What comes a
 * second time is changed as it was the first time.
 *
 * <p>Behind SNAT and redistribution, as what waits here is ready to leave. Thread: one shard.
 */
public final class FtpStage implements Stage {

  private final FlowTable flows;
  private final Expectations expectations;
  private final FtpControls controls;
  private final FtpHolds holds;
  private final LivePolicy policy;
  private final AnnouncedPorts ports;
  private final Announcer announcer;
  private final ExceptionAction holdOverflow;
  private final FtpLine line = new FtpLine();
  private final FtpAnnouncement announcement;
  private long announced;
  private long refused;
  private long full;

  /** Makes the stage. */
  public FtpStage(
      FlowTable flows,
      Expectations expectations,
      FtpControls controls,
      FtpHolds holds,
      LivePolicy policy,
      AnnouncedPorts ports,
      Announcer announcer,
      ExceptionAction holdOverflow) {
    this.flows = flows;
    this.expectations = expectations;
    this.controls = controls;
    this.holds = holds;
    this.policy = policy;
    this.ports = ports;
    this.announcer = announcer;
    this.holdOverflow = holdOverflow;
    this.announcement = new FtpAnnouncement(flows);
  }

  @Override
  public void process(Vector v) {
    if (controls.isEmpty()) {
      return;
    }
    for (int i = v.from; i < v.to; i++) {
      v.current = i;
      if (v.kind[i] == Vector.KNOWN && controls.isControl(v.flow[i] >>> 1)) {
        follow(v, i);
      }
    }
  }

  private void follow(Vector v, int i) {
    int flow = v.flow[i] >>> 1;
    PacketHeader h = v.header[i];
    int start = TcpNumbers.payload(v.batch.bytes, h);
    boolean hasPayload = start < h.end && !h.truncated;
    FtpControl control = controls.known(flow);
    if (control == null && hasPayload) {
      control = controls.follow(flow);
    }
    if (control == null) {
      return;
    }
    FtpControl.Side side = control.side(v.flow[i] & 1);
    if (hasPayload) {
      read(v, i, control, side, start);
    }
    if (!side.changes.isEmpty()) {
      change(v, i, side.changes);
    }
    if (side.hold != null && v.kind[i] == Vector.KNOWN) {
      hold(v, i, side.hold);
    }
  }

  /** Reads the lines of a segment that begins with one. */
  private void read(Vector v, int i, FtpControl control, FtpControl.Side side, int start) {
    byte[] bytes = v.batch.bytes;
    int end = v.header[i].end;
    int sequence = TcpNumbers.sequence(bytes, v.header[i]);
    boolean fromServer = (v.flow[i] & 1) != 0;
    if (side.isLine(sequence)) {
      int at = start;
      while (at >= 0 && at < end) {
        int kind = line.read(bytes, at, end, fromServer);
        if (kind != FtpLine.NONE && side.isNew(sequence + at - start)) {
          side.announced(sequence + at - start);
          announced(v, i, control, side, sequence - start);
        }
        at = line.next;
      }
    }
    if (bytes[end - 1] == '\n') {
      side.line(sequence + end - start);
    }
  }

  /**
   * The line announces a connection.
   *
   * @param base sequence number less offset of a byte of the segment
   */
  private void announced(Vector v, int i, FtpControl control, FtpControl.Side side, int base) {
    int flow = v.flow[i] >>> 1;
    boolean fromServer = (v.flow[i] & 1) != 0;
    FtpRules rules = policy.now().ftp();
    boolean own = announcement.isOwn(flow, line, fromServer);
    if (line.port < rules.leastPort() || !own && !rules.anyAddress()) {
      refused++;
      return;
    }
    announcement.of(flow, line, fromServer, own);
    if (control.expects) {
      expectations.withdraw(control.expected, flow);
      control.expects = false;
    }
    long nowNs = v.batch.captureTimeNs[i];
    if (announcement.expected.receiver && !fromServer) {
      announcement.port = ports.translated(flow, line.port, nowNs);
      if (announcement.port < 0) {
        full++;
        return;
      }
      announcement.at(flow, fromServer);
    }
    long token = holds.token();
    int awaited = announcer.announce(announcement.expected, token, nowNs);
    if (awaited == Announcer.NO_ROOM) {
      full++;
      return;
    }
    announced++;
    v.did[i] |= Vector.DID_ANNOUNCE;
    control.expects = true;
    control.expected.set(announcement.expected.tuple);
    if (awaited > 0 && side.hold == null) {
      holds.await(side, token, awaited, nowNs);
    }
    if (announcement.changes(line)) {
      byte[] text = new byte[FtpLine.MAX_WRITTEN];
      int length = line.write(text, 0, announcement.high, announcement.low, announcement.port);
      side.changes.add(base + line.start, line.end - line.start, Arrays.copyOf(text, length));
    }
  }

  /** Puts the changes that lie in a segment into it, last first, and shifts its number. */
  private void change(Vector v, int i, PayloadChanges changes) {
    PacketHeader h = v.header[i];
    int start = TcpNumbers.payload(v.batch.bytes, h);
    int sequence = TcpNumbers.sequence(v.batch.bytes, h);
    int length = h.end - start;
    for (int age = 0; age < changes.count(); age++) {
      int from = changes.position(age) - sequence;
      int to = from + changes.length(age);
      if (to <= 0 || from >= length) {
        continue;
      }
      boolean whole = from >= 0 && to <= length && !h.truncated;
      if (!whole
          || !PayloadRewrite.replace(
              v, i, payload(v, i) + from, payload(v, i) + to, changes.text(age))) {
        v.drop(i, StageName.HELPER, DropReason.HELPER_PARTIAL);
        return;
      }
    }
    TcpNumbers.shift(v.batch.bytes, v.header[i], changes.ofSequence(sequence));
  }

  private static int payload(Vector v, int i) {
    return TcpNumbers.payload(v.batch.bytes, v.header[i]);
  }

  private void hold(Vector v, int i, FtpHold hold) {
    if (v.datagram[i] >= 0) {
      // its fragments leave as they came, now or never
      return;
    }
    if (hold.add(v, i)) {
      v.hold(i);
      // nobody outside is told: it goes on within the round trip of a message
      v.kind[i] = Vector.CONSUMED;
    } else if (holdOverflow == ExceptionAction.DROP) {
      v.drop(i, StageName.HELPER, DropReason.HOLD_OVERFLOW);
    }
  }

  /** Connections that were announced and are expected, or were. Any thread. */
  public long announced() {
    return announced;
  }

  /** Announcements with an address or a port that the policy does not allow. Any thread. */
  public long refused() {
    return refused;
  }

  /** Announcements that found no room. Any thread. */
  public long full() {
    return full + controls.full();
  }
}
