package dev.portcullis.worker.pipeline;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.worker.flow.FlowTable;

/** No message makes a worker fail, and whatever is taken for a flow ends like one. */
class FlowRecordFuzzTest {

  private final FlowTable flows = Records.table();
  private final byte[] whole = Records.record(flows, Records.open(flows)).bytes.clone();

  /** The input is laid over a sound record: pairs of a place (two bytes) and a byte. */
  @FuzzTest(maxDuration = "60m")
  void shouldSurviveAnyMessage(byte[] data) {
    PacketBatch row = new PacketBatch(0);
    row.bytes = whole.clone();
    row.count = 1;
    for (int i = 0; i + 2 < data.length; i += 3) {
      int at = (data[i] & 0xff) << 8 | data[i + 1] & 0xff;
      row.bytes[at % row.bytes.length] = data[i + 2];
    }
    row.dataLength[0] =
        data.length % 3 == 1
            ? Math.min(data[0] & 0xff, row.bytes.length)
            : 272 + "allow-web".length();
    Records.survives(row);
  }
}
