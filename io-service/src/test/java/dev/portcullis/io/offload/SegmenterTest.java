package dev.portcullis.io.offload;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.wire.PacketHeader;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SegmenterTest {

  private static final int CWR = 0x80;
  private final Segmenter segmenter = new Segmenter();

  private List<byte[]> cut(byte[] packet, int segmentLength) {
    // a place of its own in a larger buffer, and padding behind
    byte[] buffer = new byte[packet.length + 100];
    System.arraycopy(packet, 0, buffer, 37, packet.length);
    assertTrue(segmenter.begin(buffer, 37, packet.length + 6, segmentLength));
    List<byte[]> pieces = new ArrayList<>();
    byte[] piece = new byte[70000];
    int length;
    while ((length = segmenter.next(piece, 0)) > 0) {
      pieces.add(Arrays.copyOf(piece, length));
    }
    return pieces;
  }

  private static byte[] payload(int length, long seed) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  @Test
  void shouldCountSequenceAndIdentificationOnOverTheirEnds() {
    byte[] packet = Built.packet(4, PacketHeader.TCP, PacketHeader.ACK, payload(250, 1));
    List<byte[]> pieces = cut(packet, 152);
    assertEquals(3, pieces.size());
    for (int i = 0; i < 3; i++) {
      byte[] piece = pieces.get(i);
      assertEquals(i < 2 ? 152 : 102, piece.length);
      assertEquals(piece.length, PacketHeader.u16(piece, 2));
      assertEquals(Built.IDENTIFICATION + i & 0xffff, PacketHeader.u16(piece, 4));
      assertEquals(Built.SEQUENCE + 100 * i, (int) PacketHeader.u32(piece, 24));
    }
  }

  @Test
  void shouldPutFinAndPushOnTheLastPieceAndCwrOnTheFirst() {
    int flags = PacketHeader.ACK | PacketHeader.PSH | PacketHeader.FIN | CWR;
    List<byte[]> pieces = cut(Built.packet(6, PacketHeader.TCP, flags, payload(250, 2)), 172);
    assertEquals(PacketHeader.ACK | CWR, pieces.get(0)[53] & 0xff);
    assertEquals(PacketHeader.ACK, pieces.get(1)[53] & 0xff);
    assertEquals(PacketHeader.ACK | PacketHeader.PSH | PacketHeader.FIN, pieces.get(2)[53] & 0xff);
  }

  @Test
  void shouldMakeDatagramsOfUdp() {
    List<byte[]> pieces = cut(Built.packet(4, PacketHeader.UDP, 0, payload(25, 3)), 38);
    assertEquals(3, pieces.size());
    assertEquals(18, PacketHeader.u16(pieces.get(0), 24));
    assertEquals(13, PacketHeader.u16(pieces.get(2), 24));
  }

  @Test
  void shouldKeepEveryByteAndSetEveryChecksumForAnyLengths() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int round = 0; round < 500; round++) {
      int version = random.nextBoolean() ? 4 : 6;
      int protocol = random.nextBoolean() ? PacketHeader.TCP : PacketHeader.UDP;
      byte[] payload = payload(1 + random.nextInt(random.nextInt(10) == 0 ? 65000 : 3000), round);
      byte[] packet = Built.packet(version, protocol, PacketHeader.ACK, payload);
      int headers = packet.length - payload.length;
      int segmentLength = headers + 1 + random.nextInt(1500);
      ByteArrayOutputStream together = new ByteArrayOutputStream();
      for (byte[] piece : cut(packet, segmentLength)) {
        assertTrue(piece.length <= segmentLength, "seed " + seed);
        assertTrue(Built.isRight(piece, piece.length), "seed " + seed + " round " + round);
        together.write(piece, headers, piece.length - headers);
      }
      assertArrayEquals(payload, together.toByteArray(), "seed " + seed);
    }
  }

  @Test
  void shouldMakeOnePieceOfWhatFits() {
    byte[] packet = Built.packet(4, PacketHeader.TCP, PacketHeader.ACK, payload(10, 4));
    List<byte[]> pieces = cut(packet, 1500);
    assertEquals(1, pieces.size());
    assertArrayEquals(packet, pieces.getFirst());
  }

  @Test
  void shouldRefuseWhatItCannotCut() {
    byte[] tcp = Built.packet(4, PacketHeader.TCP, PacketHeader.ACK, payload(100, 5));
    assertFalse(segmenter.begin(tcp, 0, tcp.length, 52), "no room for data");
    byte[] fragment = tcp.clone();
    fragment[6] = 0x20;
    assertFalse(segmenter.begin(fragment, 0, fragment.length, 100), "a fragment");
    byte[] icmp = tcp.clone();
    icmp[9] = PacketHeader.ICMP;
    assertFalse(segmenter.begin(icmp, 0, icmp.length, 100), "ICMP");
    byte[] cut = Arrays.copyOf(tcp, 60);
    assertFalse(segmenter.begin(cut, 0, cut.length, 100), "cut off");
    assertEquals(0, segmenter.next(new byte[100], 0));
  }

  @Test
  void shouldNeverThrowOnAnyBytes() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    byte[] piece = new byte[70000];
    for (int round = 0; round < 20_000; round++) {
      byte[] bytes = payload(random.nextInt(200), round);
      if (bytes.length > 9) {
        bytes[0] = (byte) (random.nextBoolean() ? 0x45 : 0x60);
        bytes[random.nextBoolean() ? 9 : 6] = (byte) (random.nextBoolean() ? 6 : 17);
      }
      if (segmenter.begin(bytes, 0, bytes.length, random.nextInt(300))) {
        while (segmenter.next(piece, 0) > 0) {}
      }
    }
  }
}
