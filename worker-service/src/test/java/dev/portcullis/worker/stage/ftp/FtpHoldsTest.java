package dev.portcullis.worker.stage.ftp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.worker.stage.Vector;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** What waits for other shards, and until when. */
class FtpHoldsTest {

  private final FtpHolds holds = new FtpHolds();
  private final Vector vector = new Vector();

  private FtpControl.Side waits(int awaited, long nowNs, int... numbers) {
    FtpControl.Side side = new FtpControl().side(0);
    holds.await(side, holds.token(), awaited, nowNs);
    for (int number : numbers) {
      PacketBatch batch = new PacketBatch(20);
      batch.clearRow(0);
      batch.count = 1;
      batch.number[0] = number;
      batch.dataLength[0] = 20;
      vector.begin(batch, true);
      vector.kind[0] = Vector.KNOWN;
      vector.egress[0] = 7;
      assertTrue(Objects.requireNonNull(side.hold).add(vector, 0));
      vector.hold(0);
    }
    return side;
  }

  private long next() {
    assertTrue(holds.resume(vector));
    assertEquals(Vector.KNOWN, vector.kind[0]);
    assertEquals(7, vector.egress[0]);
    assertTrue(vector.fromOwnWorker);
    return vector.batch.number[0];
  }

  @Test
  void shouldLetPacketsGoOnInOrderWhenAllHaveAnswered() {
    FtpControl.Side side = waits(2, 0, 11, 12);
    holds.answered(1);
    assertFalse(holds.resume(vector));
    assertEquals(2, vector.held());
    holds.answered(1);
    assertNull(side.hold);
    assertEquals(11, next());
    assertEquals(12, next());
    assertFalse(holds.resume(vector));
    assertEquals(0, vector.held());
    assertEquals(0, holds.late());
  }

  @Test
  void shouldWaitNoLongerThanItsPatience() {
    FtpControl.Side side = waits(1, 5, 11);
    holds.tick(5 + FtpHolds.PATIENCE_NS - 1);
    assertNotNull(side.hold);
    holds.tick(5 + FtpHolds.PATIENCE_NS);
    assertEquals(11, next());
    assertEquals(1, holds.late());
    holds.answered(1);
    assertFalse(holds.resume(vector));
  }

  @Test
  void shouldTakeNoMorePacketsThanTheBound() {
    FtpControl.Side side = waits(1, 0, new int[FtpHold.MAX_ROWS]);
    assertFalse(Objects.requireNonNull(side.hold).add(vector, 0));
  }

  @Test
  void shouldNotWaitWhereTooManyDo() {
    for (int i = 0; i < FtpHolds.MAX_WAITING; i++) {
      assertNotNull(waits(1, 0).hold);
    }
    FtpControl.Side side = new FtpControl().side(0);
    holds.await(side, holds.token(), 1, 0);
    assertNull(side.hold);
    assertEquals(1, holds.late());
  }
}
