package dev.portcullis.core.link;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import com.google.protobuf.ByteString;
import dev.portcullis.core.link.proto.Packet;
import dev.portcullis.core.packet.PacketBatch;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BatchCodecTest {

  private static final long SEED = 20261125;

  private final Random random = new Random(SEED);
  private final BatchCodec.Reader reader = new BatchCodec.Reader();
  private final BatchHeader header = new BatchHeader();

  @Test
  void shouldReadEveryColumnThatItWrote() {
    PacketBatch written = new PacketBatch(64 * 1024);
    PacketBatch read = new PacketBatch(0);
    for (int round = 0; round < 200; round++) {
      byte[] wire = new byte[512 * 1024];
      int end = 0;
      written.count = 1 + random.nextInt(100);
      for (int i = 0; i < written.count; i++) {
        fillRow(written, i);
        int before = end;
        end = BatchCodec.writeRow(written, i, wire, end);
        assertEquals(BatchCodec.rowSize(written, i), end - before);
      }
      // what an earlier batch left in the columns must not shine through
      Arrays.fill(read.pieces, 77);
      Arrays.fill(read.segmentLength, 77);
      Arrays.fill(read.l2Length, 77);
      Arrays.fill(read.traceLength, 77);
      assertNull(reader.read(wire, end, header, read), "seed " + SEED);
      assertEquals(written.count, read.count);
      for (int i = 0; i < written.count; i++) {
        assertRow(written, read, i);
      }
    }
  }

  @Test
  void shouldReadFieldsInAnyOrder() {
    byte[] data = {1, 2, 3};
    byte[] tagFirst =
        Packet.newBuilder().setTag(5).setData(ByteString.copyFrom(data)).build().toByteArray();
    byte[] numberLast = Packet.newBuilder().setNumber(9).setPieces(2).build().toByteArray();
    byte[] wire = new byte[2 + tagFirst.length + numberLast.length];
    wire[0] = 15 << 3 | 2;
    wire[1] = (byte) (tagFirst.length + numberLast.length);
    System.arraycopy(tagFirst, 0, wire, 2, tagFirst.length);
    System.arraycopy(numberLast, 0, wire, 2 + tagFirst.length, numberLast.length);
    for (int room : new int[] {0, 200}) {
      PacketBatch read = new PacketBatch(0);
      assertNull(reader.read(Arrays.copyOf(wire, wire.length + room), wire.length, header, read));
      assertEquals(1, read.count);
      assertEquals(5, read.tag[0]);
      assertEquals(9, read.number[0]);
      assertEquals(2, read.pieces[0]);
      assertEquals(3, read.dataLength[0]);
    }
  }

  @Test
  void shouldNotReadBehindTheEndOfAPacket() {
    PacketBatch one = new PacketBatch(100);
    one.dataLength[0] = 46;
    one.number[0] = 1;
    byte[] wire = new byte[400];
    int end = BatchCodec.writeRow(one, 0, wire, 0);
    end = BatchCodec.writeRow(one, 0, wire, end);
    for (int shorter = 1; shorter < 60; shorter++) {
      byte[] cut = wire.clone();
      cut[1] -= (byte) shorter;
      PacketBatch read = new PacketBatch(0);
      assertNotNull(reader.read(cut, end, header, read), "shorter by " + shorter);
    }
  }

  private void fillRow(PacketBatch b, int i) {
    b.clearRow(i);
    b.captureTimeNs[i] = random.nextBoolean() ? random.nextLong() : 0;
    b.number[i] = random.nextBoolean() ? random.nextLong() : 0;
    b.vHigh[i] = random.nextInt(4) == 0 ? random.nextLong() : 0;
    b.vLow[i] = random.nextBoolean() ? random.nextLong() : 0;
    int[][] columns = {
      b.trafficClass, b.flags, b.ingressTag, b.reason, b.pieces, b.frameLength, b.linkType, b.tag
    };
    for (int[] column : columns) {
      column[i] = random.nextInt(3) == 0 ? random.nextInt() : 0;
    }
    b.l2Offset[i] = random.nextInt(1000);
    b.segmentLength[i] = random.nextInt(8) == 0 ? random.nextInt(65536) : 0;
    b.l2Length[i] = random.nextInt(3) == 0 ? random.nextInt(200) : 0;
    b.traceOffset[i] = random.nextInt(1000);
    b.traceLength[i] = random.nextInt(10) == 0 ? random.nextInt(200) : 0;
    b.dataOffset[i] = random.nextInt(1000);
    b.dataLength[i] = random.nextInt(5) == 0 ? random.nextInt(3000) : random.nextInt(130);
  }

  private static void assertRow(PacketBatch written, PacketBatch read, int i) {
    String row = "row " + i + ", seed " + SEED;
    assertEquals(written.captureTimeNs[i], read.captureTimeNs[i], row);
    assertEquals(written.number[i], read.number[i], row);
    assertEquals(written.vHigh[i], read.vHigh[i], row);
    assertEquals(written.vLow[i], read.vLow[i], row);
    assertEquals(written.trafficClass[i], read.trafficClass[i], row);
    assertEquals(written.flags[i], read.flags[i], row);
    assertEquals(written.ingressTag[i], read.ingressTag[i], row);
    assertEquals(written.reason[i], read.reason[i], row);
    assertEquals(written.pieces[i], read.pieces[i], row);
    assertEquals(written.frameLength[i], read.frameLength[i], row);
    assertEquals(written.segmentLength[i], read.segmentLength[i], row);
    assertEquals(written.linkType[i], read.linkType[i], row);
    assertEquals(written.tag[i], read.tag[i], row);
    assertBytes(
        written.bytes,
        written.l2Offset[i],
        written.l2Length[i],
        read.bytes,
        read.l2Offset[i],
        read.l2Length[i]);
    assertBytes(
        written.traceBytes,
        written.traceOffset[i],
        written.traceLength[i],
        read.traceBytes,
        read.traceOffset[i],
        read.traceLength[i]);
    assertBytes(
        written.bytes,
        written.dataOffset[i],
        written.dataLength[i],
        read.bytes,
        read.dataOffset[i],
        read.dataLength[i]);
  }

  private static void assertBytes(
      byte[] a, int aFrom, int aLength, byte[] b, int bFrom, int bLength) {
    assertArrayEquals(
        Arrays.copyOfRange(a, aFrom, aFrom + aLength),
        Arrays.copyOfRange(b, bFrom, bFrom + bLength));
  }
}
