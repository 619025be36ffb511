package dev.portcullis.worker.stage.ftp;

import dev.portcullis.core.wire.FtpLine;
import dev.portcullis.core.wire.PayloadChanges;
import dev.portcullis.worker.flow.StateWords;
import dev.portcullis.worker.flow.Tuple;
import org.jspecify.annotations.Nullable;

/** What is known of one FTP control connection. Thread: the shard of its flow. */
final class FtpControl {

  /** One direction. */
  static final class Side {

    /** Beginnings of lines that are remembered: some bytes may come twice, or late. */
    private static final int LINES = 4;

    /** What was rewritten. */
    final PayloadChanges changes = new PayloadChanges();

    private final int[] lines = new int[LINES];
    private int lineCount;

    /** Sequence number of the line that announced last; it may come again. */
    private int announced;

    private boolean hasAnnounced;

    /** What the packets of this direction wait for, null: nothing. */
    @Nullable FtpHold hold;

    /** Whether a line is known to begin at this sequence number. */
    boolean isLine(int sequence) {
      for (int i = 0; i < Math.min(lineCount, LINES); i++) {
        if (lines[i] == sequence) {
          return true;
        }
      }
      return false;
    }

    /** A line begins at this sequence number. */
    void line(int sequence) {
      if (!isLine(sequence)) {
        lines[lineCount % LINES] = sequence;
        // stays above LINES once it is there
        lineCount = lineCount + 1 == 2 * LINES ? LINES : lineCount + 1;
      }
    }

    /** Writes what is known of a side to the end of a record. */
    void write(StateWords to) {
      to.put((long) lineCount << 32 | announced & 0xffff_ffffL);
      to.put(hasAnnounced ? 1 : 0);
      for (int i = 0; i < LINES; i += 2) {
        to.put((long) lines[i] << 32 | lines[i + 1] & 0xffff_ffffL);
      }
      to.put(changes.count());
      for (int age = changes.count() - 1; age >= 0; age--) {
        to.put((long) changes.position(age) << 32 | changes.length(age));
        to.put(changes.before(age));
        to.put(changes.text(age));
      }
    }

    /** Reads what {@link #write} wrote into an empty side. */
    void read(StateWords from) {
      long word = from.next();
      lineCount = Math.clamp((int) (word >> 32), 0, 2 * LINES - 1);
      announced = (int) word;
      hasAnnounced = from.next() != 0;
      for (int i = 0; i < LINES; i += 2) {
        word = from.next();
        lines[i] = (int) (word >> 32);
        lines[i + 1] = (int) word;
      }
      int count = from.next(PayloadChanges.MAX);
      for (int i = 0; i < count; i++) {
        word = from.next();
        int shift = (int) from.next();
        changes.add(
            (int) (word >> 32), (int) word & 0xffff, from.bytes(FtpLine.MAX_WRITTEN), shift);
      }
    }

    /** Whether a line that begins at this sequence number comes for the first time. */
    boolean isNew(int sequence) {
      return !hasAnnounced || sequence - announced > 0;
    }

    /** The line at this sequence number has announced a connection, or tried to. */
    void announced(int sequence) {
      announced = sequence;
      hasAnnounced = true;
    }
  }

  private final Side client = new Side();
  private final Side server = new Side();

  /** The connection that is expected; a later announcement takes its place. */
  final Tuple expected = new Tuple();

  /** Whether there is one. */
  boolean expects;

  /** The side that sends in a direction: 0 is the client, 1 the server. */
  Side side(int direction) {
    return direction == 0 ? client : server;
  }
}
