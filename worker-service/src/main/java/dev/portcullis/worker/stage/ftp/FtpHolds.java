package dev.portcullis.worker.stage.ftp;

import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.worker.stage.Vector;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What waits at this shard until other shards expect a connection. An announcement that would be
 * one too many does not wait. Who does not answer is waited for until time has come that is {@link
 * #PATIENCE_NS} later.
 *
 * <p>Thread: one shard.
 */
public final class FtpHolds {

  /** The most announcements that wait. */
  static final int MAX_WAITING = 256;

  /** How long an announcement waits for shards that do not answer. */
  static final long PATIENCE_NS = 20_000_000L;

  private final List<FtpHold> waiting = new ArrayList<>();
  private final ArrayDeque<FtpHold> ready = new ArrayDeque<>();
  private @Nullable PacketBatch row;
  private long nextToken;
  private long late;

  /** Makes an empty one. */
  public FtpHolds() {}

  /** A number for the next announcement, which those who are asked answer with. */
  long token() {
    return ++nextToken;
  }

  /** Begins to wait, if there is room. */
  void await(FtpControl.Side side, long token, int awaited, long nowNs) {
    if (waiting.size() == MAX_WAITING) {
      late++;
      return;
    }
    FtpHold hold = new FtpHold(side, token, awaited, nowNs);
    side.hold = hold;
    waiting.add(hold);
  }

  /** A shard that was asked has answered. */
  public void answered(long token) {
    for (int i = 0; i < waiting.size(); i++) {
      FtpHold it = waiting.get(i);
      if (it.token == token) {
        if (--it.awaited == 0) {
          waiting.remove(i);
          goOn(it);
        }
        return;
      }
    }
  }

  private void goOn(FtpHold it) {
    it.side.hold = null;
    ready.add(it);
  }

  /** Nobody is waited for any more: what waits goes on. */
  public void goOn() {
    waiting.forEach(this::goOn);
    waiting.clear();
  }

  /** Time has come: who has waited too long goes on. */
  public void tick(long nowNs) {
    for (int i = waiting.size() - 1; i >= 0; i--) {
      FtpHold it = waiting.get(i);
      if (nowNs - it.sinceNs >= PATIENCE_NS) {
        late++;
        waiting.remove(i);
        goOn(it);
      }
    }
  }

  /**
   * Puts the next packet that goes on into a vector, as it was before the last stage; false when
   * there is none. To be called until then, before the vector takes other packets.
   */
  public boolean resume(Vector v) {
    FtpHold hold = ready.peek();
    if (hold == null) {
      return false;
    }
    if (row == null) {
      row = new PacketBatch(0);
    }
    while (!hold.next(v, row)) {
      ready.remove();
      hold = ready.peek();
      if (hold == null) {
        return false;
      }
    }
    return true;
  }

  /** Announcements that went on before all shards had answered. Any thread. */
  public long late() {
    return late;
  }
}
