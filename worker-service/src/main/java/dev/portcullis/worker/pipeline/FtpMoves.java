package dev.portcullis.worker.pipeline;

import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.worker.flow.Expectations;
import dev.portcullis.worker.flow.Expectations.Expected;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.StateWords;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.stage.Ownership;
import dev.portcullis.worker.stage.ftp.FtpControls;

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
  private final Ownership ownership;
  private final Mail mail;
  private final StateMessage message = new StateMessage();
  private final StateWords words = new StateWords(StateMessage.MOST_WORDS);
  private final Expected expected = new Expected();
  private final Tuple tuple = new Tuple();
  private long refused;

  FtpMoves(
      FlowTable flows,
      FtpControls controls,
      Expectations expectations,
      Announcements announcements,
      Ownership ownership,
      Mail mail) {
    this.flows = flows;
    this.controls = controls;
    this.expectations = expectations;
    this.announcements = announcements;
    this.ownership = ownership;
    this.mail = mail;
  }

  /** Records that were refused, as they told of no connection or there was no room. Any thread. */
  long refused() {
    return refused;
  }

  /** A flow stays here by the new table. */
  void stays(int flow) {
    tellAgain(flow);
  }

  /** Whether the flow expects something, which then is in {@link #expected}. */
  private boolean tellAgain(int flow) {
    long sinceNs = controls.expected(flow, expected);
    if (sinceNs < 0) {
      return false;
    }
    announcements.again(expected, sinceNs);
    return true;
  }

  /** The record of a flow has been sent to its new owner; it is still here. */
  void leaves(int flow, int owner, int lane, int epoch, long nowNs) {
    boolean expects = tellAgain(flow);
    words.clear();
    for (int word = 0; word < TUPLE_WORDS; word++) {
      words.put(flows.get(flow, FlowTable.FORWARD + word));
    }
    if (controls.write(flow, words) && words.fits()) {
      message.begin(StateMessage.FTP_CONTROL);
      for (int word = 0; word < words.count(); word++) {
        message.add(words.word(word));
      }
      mail.send(owner, ownership.linkLane(owner, lane), message.row(epoch, nowNs));
    }
    if (expects) {
      expectations.forgetOwner(expected.tuple, flow);
    }
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
