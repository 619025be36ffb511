package dev.portcullis.io.offload;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class VirtioHeaderTest {

  private static final int L2 = 14;
  private final VirtioHeader offload = new VirtioHeader();
  private final MemorySegment header = MemorySegment.ofArray(new byte[VirtioHeader.BYTES]);

  private static PacketBatch row(byte[] packet) {
    PacketBatch batch = new PacketBatch(L2 + packet.length);
    System.arraycopy(packet, 0, batch.bytes, L2, packet.length);
    batch.count = 1;
    batch.l2Length[0] = L2;
    batch.dataOffset[0] = L2;
    batch.dataLength[0] = packet.length;
    return batch;
  }

  private void header(int flags, int type, int size, int start, int offset) {
    header.set(JAVA_BYTE, 0, (byte) flags);
    header.set(JAVA_BYTE, 1, (byte) type);
    header.set(JAVA_SHORT_UNALIGNED, 4, (short) size);
    header.set(JAVA_SHORT_UNALIGNED, 6, (short) start);
    header.set(JAVA_SHORT_UNALIGNED, 8, (short) offset);
  }

  /** What the kernel leaves in the field: the sum of the pseudo-header. */
  private static void leaveOut(byte[] packet, int field) {
    PacketHeader h = Built.parsed(packet, packet.length);
    Built.put16(
        packet, h.transportOffset + field, Checksum.pseudoHeader(h, h.end - h.transportOffset));
  }

  @Test
  void shouldSayOfASuperPacketHowLongItsPiecesAreAndSayItAgain() {
    for (int version : new int[] {4, 6}) {
      byte[] packet = Built.packet(version, PacketHeader.TCP, PacketHeader.ACK, new byte[5000]);
      int network = version == 4 ? 20 : 40;
      leaveOut(packet, 16);
      PacketBatch batch = row(packet);
      // with TCP that marks congestion
      header(1, (version == 4 ? 1 : 4) | 0x80, 1400, L2 + network, 16);
      offload.take(header, 0, 0, batch, 0);
      assertEquals(PacketFlags.CHECKSUM_MISSING, batch.flags[0]);
      assertEquals(network + 32 + 1400, batch.segmentLength[0]);
      MemorySegment again = MemorySegment.ofArray(new byte[VirtioHeader.BYTES]);
      offload.put(batch, 0, again, 0, L2);
      assertEquals(1, again.get(JAVA_BYTE, 0));
      assertEquals(version == 4 ? 1 : 4, again.get(JAVA_BYTE, 1));
      assertEquals(L2 + network + 32, again.get(JAVA_SHORT_UNALIGNED, 2));
      assertEquals(1400, again.get(JAVA_SHORT_UNALIGNED, 4));
      assertEquals(L2 + network, again.get(JAVA_SHORT_UNALIGNED, 6));
      assertEquals(16, again.get(JAVA_SHORT_UNALIGNED, 8));
      assertTrue(Arrays.equals(packet, Arrays.copyOfRange(batch.bytes, L2, L2 + packet.length)));
    }
  }

  @Test
  void shouldSumThePseudoHeaderOfWhatWasTranslated() {
    byte[] packet = Built.packet(4, PacketHeader.UDP, 0, new byte[100]);
    leaveOut(packet, 6);
    PacketBatch batch = row(packet);
    header(1, 0, 0, L2 + 20, 6);
    offload.take(header, 0, 0, batch, 0);
    assertEquals(0, batch.segmentLength[0]);
    Built.put32(batch.bytes, L2 + 12, 0xc0000201);
    offload.put(batch, 0, header, 0, L2);
    byte[] translated = Arrays.copyOfRange(batch.bytes, L2, L2 + packet.length);
    PacketHeader h = Built.parsed(translated, translated.length);
    assertEquals(Checksum.pseudoHeader(h, 108), PacketHeader.u16(translated, 26));
  }

  @Test
  void shouldComputeWhatCannotWait() {
    // TCP inside of IPv4 inside of IPv4: the checksum that is missing is that of the inner one
    byte[] inner = Built.packet(4, PacketHeader.TCP, PacketHeader.ACK, new byte[33]);
    byte[] outer = new byte[20 + inner.length];
    System.arraycopy(inner, 0, outer, 0, 20);
    Built.put16(outer, 2, outer.length);
    outer[9] = 4;
    leaveOut(inner, 16);
    System.arraycopy(inner, 0, outer, 20, inner.length);
    PacketBatch batch = row(outer);
    header(1, 0, 0, L2 + 40, 16);
    offload.take(header, 0, 0, batch, 0);
    assertEquals(0, batch.flags[0]);
    byte[] now = Arrays.copyOfRange(batch.bytes, L2 + 20, L2 + outer.length);
    assertTrue(Built.isRight(now, now.length));
  }

  @Test
  void shouldLeavePacketsAloneThatAreReady() {
    byte[] packet = Built.packet(4, PacketHeader.TCP, PacketHeader.ACK, new byte[50]);
    PacketBatch batch = row(packet);
    header(2, 0, 0, 0, 0); // verified, not missing
    offload.take(header, 0, 0, batch, 0);
    assertEquals(0, batch.flags[0]);
    offload.put(batch, 0, header, 0, L2);
    for (int at = 0; at < VirtioHeader.BYTES; at++) {
      assertEquals(0, header.get(JAVA_BYTE, at));
    }
  }

  @Test
  void shouldNotWriteBehindTheFrameWhereTheHeaderPointsThere() {
    byte[] packet = Built.packet(4, PacketHeader.TCP, PacketHeader.ACK, new byte[50]);
    PacketBatch batch = row(packet);
    header(1, 0, 0, 60000, 60000);
    offload.take(header, 0, 0, batch, 0);
    assertEquals(0, batch.flags[0]);
  }
}
