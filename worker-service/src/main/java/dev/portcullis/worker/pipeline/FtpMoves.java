package dev.portcullis.worker.pipeline;

import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.worker.flow.Expectations;
import dev.portcullis.worker.flow.Expectations.Expected;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.StateWords;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.stage.ftp.FtpControls;
import org.jspecify.annotations.Nullable;

/**
 * What is known of FTP control connections goes with their flows when a new table moves them, and
 * what they expect is told again to those who may get it by that table.
 *
 * <p>Thread: one shard.
 */
final class FtpMoves {

  /** Words of the tuple that tells whose a record is. */
  private static final int TUPLE_WORDS = 5;

  private final FlowTable flows;
  private final FtpControls controls;
  private final Expectations expectations;
  private final Announcements announcements;
  private final StateMessage message = new StateMessage();
  private final StateWords words = new StateWords(StateMessage.MOST_WORDS);
  private final Expected expected = new Expected();
  private final Tuple tuple = new Tuple();
  private long refused;

  FtpMoves(
      FlowTable flows,
      FtpControls controls,
      Expectations expectations,
      Announcements announcements) {
    this.flows = flows;
    this.controls = controls;
    this.expectations = expectations;
    this.announcements = announcements;
  }

  /** Records that were refused, as they told of no connection or there was no room. Any thread. */
  long refused() {
    return refused;
  }

  /**
   * A new table holds: says again what the flow expects, to those who may get it by that table.
   * They know of it before any class begins with them.
   */
  void tellAgain(int flow) {
    long sinceNs = controls.expected(flow, expected);
    if (sinceNs >= 0) {
      announcements.again(expected, sinceNs);
    }
  }

  /** The record of a flow has been sent to its new owner; it is still here. */
  void leaves(int flow, int lane, int epoch, long nowNs, MovingState.Sink sink) {
    PacketBatch row = row(flow, lane, epoch, nowNs);
    if (row != null) {
      sink.send(row);
    }
    if (controls.expected(flow, expected) >= 0) {
      expectations.forgetOwner(expected.tuple, flow);
    }
  }

  /** Returns what is known of a control connection, null where a flow is none. */
  @Nullable PacketBatch row(int flow, int lane, int epoch, long nowNs) {
    words.clear();
    for (int word = 0; word < TUPLE_WORDS; word++) {
      words.put(flows.get(flow, FlowTable.FORWARD + word));
    }
    if (!controls.write(flow, words) || !words.fits()) {
      return null;
    }
    message.begin(StateMessage.FTP_CONTROL, lane);
    for (int word = 0; word < words.count(); word++) {
      message.add(words.word(word));
    }
    return message.row(epoch, nowNs);
  }

  /** A flow has come. */
  void taken(int flow) {
    controls.taken(flow);
  }

  /** Takes what is known of a control connection that has come before. */
  void receive(PacketBatch batch, int i) {
    int count = StateMessage.words(batch, i);
    words.clear();
    for (int word = 0; word < count; word++) {
      words.put(StateMessage.word(batch, i, word));
    }
    words.rewind();
    tuple.set(words.next(), words.next(), words.next(), words.next(), words.next());
    int reference = flows.peek(tuple, tuple.hash(), batch.captureTimeNs[i]);
    if (reference < 0 || (reference & 1) != 0 || !controls.read(reference >>> 1, words)) {
      refused++;
    }
  }
}
