package dev.portcullis.worker.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.worker.flow.FlowState;
import dev.portcullis.worker.flow.FlowTable;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FlowRecordTest {

  @Test
  void shouldCarryAFlowWhole() {
    FlowTable from = Records.table();
    int flow = Records.open(from);
    PacketBatch row = Records.record(from, flow);
    assertEquals(0, row.frames(0));
    assertEquals("allow-web", FlowRecord.ruleName(row, 0));
    assertTrue(Records.survives(row));
    FlowTable to = Records.table();
    FlowRecord record = new FlowRecord();
    assertTrue(record.read(row, 0, Records.egress()));
    assertEquals(5, record.key.trafficClass);
    assertEquals(7, record.key.vLow);
    int guest = to.install(record.words, 11, 42);
    assertEquals(11, to.lane(guest));
    assertEquals(FlowState.TCP_ESTABLISHED, to.state(guest));
    assertEquals(from.flags(flow), to.flags(guest));
    assertEquals(2, to.trafficClass(guest));
    assertTrue(to.has(guest, FlowTable.GUEST));
    assertEquals(0, to.created());
    for (int word = 0; word < FlowRecord.WORDS; word++) {
      boolean local =
          word == FlowTable.META || word == FlowTable.NEXT_HOP || word == FlowTable.LOOK;
      assertEquals(local ? to.get(guest, word) : from.get(flow, word), to.get(guest, word));
    }
    assertEquals(0, to.get(guest, FlowTable.NEXT_HOP));
    assertEquals(5, to.get(guest, FlowTable.LOOK));
    assertEquals(9, StateMessage.epoch(row, 0));
  }

  @Test
  void shouldRefuseAnotherVersionAnotherLengthAndWhatContradictsItself() {
    FlowTable from = Records.table();
    PacketBatch row = Records.record(from, Records.open(from));
    row.dataLength[0]--;
    assertFalse(Records.survives(row));
    row.dataLength[0]++;
    row.bytes[1]++;
    assertFalse(Records.survives(row));
    row.bytes[1]--;
    int protocolOfReply = 24 + (FlowTable.REVERSE + 4) * 8 + 6;
    row.bytes[protocolOfReply] = 17;
    assertFalse(Records.survives(row));
    row.bytes[protocolOfReply] = 6;
    int state = 24 + FlowTable.META * 8 + 7;
    row.bytes[state] = FlowState.UDP_NEW;
    assertFalse(Records.survives(row));
    row.bytes[state] = FlowState.TCP_ESTABLISHED;
    assertTrue(Records.survives(row));
  }

  @Test
  void shouldSurviveAnyDamage() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    FlowTable from = Records.table();
    PacketBatch row = Records.record(from, Records.open(from));
    byte[] whole = row.bytes.clone();
    int length = row.dataLength[0];
    for (int i = 0; i < 20_000; i++) {
      System.arraycopy(whole, 0, row.bytes, 0, whole.length);
      row.dataLength[0] = random.nextInt(20) == 0 ? random.nextInt(whole.length) : length;
      for (int k = random.nextInt(4); k >= 0; k--) {
        row.bytes[random.nextInt(length)] = (byte) random.nextInt();
      }
      try {
        Records.survives(row);
      } catch (RuntimeException e) {
        throw new AssertionError("seed " + seed, e);
      }
    }
  }
}
