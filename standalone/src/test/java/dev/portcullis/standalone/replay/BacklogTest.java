package dev.portcullis.standalone.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.packet.PacketBatch;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class BacklogTest {

  private final List<String> written = new ArrayList<>();
  private final Backlog.Writer writer =
      new Backlog.Writer() {
        @Override
        public void piece(PacketBatch batch, int i) {
          written.add(batch.number[i] + " " + batch.bytes[batch.dataOffset[i]]);
        }

        @Override
        public void line(String line) {
          written.add(line);
        }
      };

  private static void piece(Backlog backlog, long number, int piece, int data) {
    PacketBatch batch = new PacketBatch(1);
    batch.number[0] = number;
    batch.pieces[0] = piece;
    batch.dataLength[0] = 1;
    batch.bytes[0] = (byte) data;
    backlog.piece(batch, 0);
  }

  @Test
  void shouldKeepBackWhatStandsBehindAFrameThatIsWaitedFor() throws Exception {
    Backlog backlog = new Backlog();
    assertFalse(backlog.isActive());
    backlog.waits(2);
    backlog.waits(4);
    backlog.line(1, "one");
    backlog.line(3, "three");
    piece(backlog, 3, 0, 30);
    backlog.drain(writer);
    assertEquals(List.of("one"), written);
    backlog.known(2);
    piece(backlog, 2, 1, 21);
    piece(backlog, 2, 0, 20);
    backlog.line(2, "two");
    backlog.line(5, "five");
    backlog.drain(writer);
    assertEquals(List.of("one", "two", "2 20", "2 21", "three", "3 30"), written);
    assertTrue(backlog.isActive());
    backlog.known(4);
    backlog.drain(writer);
    assertEquals("five", written.getLast());
    assertFalse(backlog.isActive());
  }

  @Test
  void shouldWaitForNobodyWhenItIsFull() throws Exception {
    Backlog backlog = new Backlog(1000);
    backlog.waits(1);
    for (int i = 2; i < 8; i++) {
      backlog.line(i, "line " + i);
      backlog.drain(writer);
      assertEquals(List.of(), written);
    }
    for (int i = 8; i < 20; i++) {
      backlog.line(i, "line " + i);
    }
    backlog.drain(writer);
    assertEquals(18, written.size());
    assertFalse(backlog.isActive());
  }
}
