package dev.portcullis.core.change;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.elastic.KeyClass;
import dev.portcullis.core.elastic.ShardId;
import dev.portcullis.core.elastic.ShardMessage;
import dev.portcullis.core.elastic.ShardMessage.Activate;
import dev.portcullis.core.elastic.ShardMessage.Barrier;
import dev.portcullis.core.elastic.ShardMessage.Copy;
import dev.portcullis.core.elastic.ShardMessage.Incomplete;
import dev.portcullis.core.elastic.ShardMessage.Taken;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.packet.PacketBatch;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ShardRowTest {

  private static final KeyClass CLASS = new KeyClass(3, 1023, 15);
  private static final ShardId SELF = new ShardId(ModuleId.worker(1023), 15);

  private final ShardRow row = new ShardRow();

  @Test
  void shouldReadEveryMessageAsItWasWritten() {
    for (ShardMessage it :
        List.of(
            new Barrier(7),
            new Activate(Integer.MAX_VALUE, CLASS, 2, Long.MAX_VALUE, -1, true),
            new Activate(8, CLASS, 0, 0, 0, false),
            new Taken(9, CLASS),
            new Incomplete(10, CLASS))) {
      PacketBatch batch = row.write(SELF, it);
      assertTrue(ShardRow.is(batch, 0));
      assertEquals(it, ShardRow.read(batch, 0));
      assertEquals(SELF, ShardRow.from(batch, 0));
    }
  }

  @Test
  void shouldReadACopyWithoutItsEntriesWhichFollow() {
    ShardMessage read = ShardRow.read(row.write(SELF, new Copy(7, CLASS, 3, "entries")), 0);
    Copy copy = (Copy) read;
    assertEquals(7, copy.epoch());
    assertEquals(CLASS, copy.of());
    assertEquals(3, copy.version());
  }

  @Test
  void shouldHaveTypesOfItsOwn() {
    for (int type = 0; type < 256; type++) {
      PacketBatch batch = row.write(SELF, new Barrier(7));
      batch.bytes[0] = (byte) type;
      assertEquals(type >= 10 && type <= 14, ShardRow.is(batch, 0), "type " + type);
    }
    PacketBatch batch = row.write(SELF, new Barrier(7));
    batch.dataLength[0]--;
    assertFalse(ShardRow.is(batch, 0));
  }

  @Test
  void shouldReadAnyBytes() {
    Random random = new Random(7);
    PacketBatch batch = row.write(SELF, new Barrier(7));
    for (int i = 0; i < 100_000; i++) {
      random.nextBytes(batch.bytes);
      batch.bytes[0] = (byte) (10 + i % 5);
      ShardRow.from(batch, 0);
      assertEquals(batch.bytes[0] == 10, ShardRow.read(batch, 0) instanceof Barrier);
    }
  }
}
