package dev.portcullis.core.link;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.portcullis.core.packet.PacketBatch;
import java.util.Arrays;

/** No message makes the codec throw; what it reads it writes so that it reads the same again. */
class BatchCodecFuzzTest {

  @FuzzTest(maxDuration = "60m")
  void shouldReadWhatItWrites(byte[] message) {
    BatchCodec.Reader reader = new BatchCodec.Reader();
    BatchHeader header = new BatchHeader();
    PacketBatch batch = new PacketBatch(0);
    if (reader.read(message, message.length, header, batch) != null) {
      return;
    }
    byte[] written = new byte[message.length * 3 + 1024 + 128 * batch.count];
    int end = BatchCodec.writeHeader(header, written, 0);
    for (int i = 0; i < batch.count; i++) {
      assertTrue(batch.dataOffset[i] + batch.dataLength[i] <= message.length);
      assertTrue(batch.l2Offset[i] + batch.l2Length[i] <= message.length);
      assertTrue(batch.traceOffset[i] + batch.traceLength[i] <= message.length);
      int size = BatchCodec.rowSize(batch, i);
      int from = end;
      end = BatchCodec.writeRow(batch, i, written, end);
      assertTrue(end - from == size, "a row says its size");
    }
    byte[] canonical = Arrays.copyOf(written, end);
    PacketBatch again = new PacketBatch(0);
    assertNull(reader.read(canonical, end, header, again));
    byte[] twice = new byte[written.length];
    int endOfTwice = BatchCodec.writeHeader(header, twice, 0);
    for (int i = 0; i < again.count; i++) {
      endOfTwice = BatchCodec.writeRow(again, i, twice, endOfTwice);
    }
    assertArrayEquals(canonical, Arrays.copyOf(twice, endOfTwice));
  }
}
