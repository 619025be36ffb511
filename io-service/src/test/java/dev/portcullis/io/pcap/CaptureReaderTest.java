package dev.portcullis.io.pcap;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Captures of every form are read, damaged ones as far as they can be. */
class CaptureReaderTest {

  private static final byte[] FRAME = {0x45, 1, 2, 3, 4, 5, 6};

  @TempDir Path folder;

  private record Read(int linkType, long timeNs, int wireLength, List<Byte> bytes) {}

  private final List<Read> frames = new ArrayList<>();

  private void read(ByteBuffer content) throws IOException {
    read(content, content.position());
  }

  private void read(ByteBuffer content, int length) throws IOException {
    frames.clear();
    Path file = Files.write(folder.resolve("capture"), Arrays.copyOf(content.array(), length));
    try (CaptureReader reader = CaptureReader.open(file)) {
      Frame frame = new Frame();
      while (reader.next(frame)) {
        List<Byte> bytes = new ArrayList<>();
        for (int i = 0; i < frame.length; i++) {
          bytes.add(frame.bytes[i]);
        }
        frames.add(new Read(frame.linkType, frame.timeNs, frame.wireLength, bytes));
      }
    }
  }

  private static List<Byte> bytes() {
    List<Byte> bytes = new ArrayList<>();
    for (byte b : FRAME) {
      bytes.add(b);
    }
    return bytes;
  }

  private static ByteBuffer pcap(ByteOrder order, int magic, int linkType) {
    ByteBuffer b = ByteBuffer.allocate(4096).order(order);
    return b.putInt(magic)
        .putShort((short) 2)
        .putShort((short) 4)
        .putLong(0)
        .putInt(65535)
        .putInt(linkType);
  }

  private static ByteBuffer record(ByteBuffer b, int seconds, int fraction) {
    return b.putInt(seconds).putInt(fraction).putInt(FRAME.length).putInt(1500).put(FRAME);
  }

  @ParameterizedTest
  @CsvSource({"BIG, 1000", "LITTLE, 1000", "BIG, 1", "LITTLE, 1"})
  void shouldReadMicrosecondsAndNanosecondsInBothByteOrders(String order, int nanoseconds)
      throws IOException {
    ByteOrder byteOrder = order.equals("BIG") ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
    int magic = nanoseconds == 1 ? 0xa1b23c4d : 0xa1b2c3d4;
    read(record(record(pcap(byteOrder, magic, 101), 7, 5), 8, 6));
    assertEquals(
        List.of(
            new Read(101, 7_000_000_000L + 5L * nanoseconds, 1500, bytes()),
            new Read(101, 8_000_000_000L + 6L * nanoseconds, 1500, bytes())),
        frames);
  }

  private static ByteBuffer block(ByteBuffer b, int type, byte[] body) {
    int length = 12 + body.length + (-body.length & 3);
    b.putInt(type).putInt(length).put(body).put(new byte[-body.length & 3]).putInt(length);
    return b;
  }

  private static ByteBuffer pcapng(ByteOrder order) {
    ByteBuffer b = ByteBuffer.allocate(4096).order(order);
    ByteBuffer section = ByteBuffer.allocate(16).order(order);
    section.putInt(0x1a2b3c4d).putShort((short) 1).putShort((short) 0).putLong(-1);
    return block(b, 0x0a0d0d0a, section.array());
  }

  private static byte[] description(ByteOrder order, int linkType, int resolution) {
    ByteBuffer body = ByteBuffer.allocate(20).order(order);
    body.putShort((short) linkType).putShort((short) 0).putInt(0);
    body.putShort((short) 9).putShort((short) 1).put((byte) resolution).put(new byte[3]).putInt(0);
    return body.array();
  }

  private static byte[] packet(ByteOrder order, int interfaceId, long ticks) {
    ByteBuffer body = ByteBuffer.allocate(20 + 8).order(order);
    body.putInt(interfaceId).putInt((int) (ticks >>> 32)).putInt((int) ticks);
    return body.putInt(FRAME.length).putInt(FRAME.length).put(FRAME).array();
  }

  @ParameterizedTest
  @ValueSource(strings = {"BIG", "LITTLE"})
  void shouldReadInterfacesOfDifferentLinkTypesAndClocksInOneFile(String name) throws IOException {
    ByteOrder order = name.equals("BIG") ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
    ByteBuffer b = pcapng(order);
    block(b, 1, description(order, 1, 6));
    block(b, 1, description(order, 113, 9));
    block(b, 1, description(order, 101, 0x80 | 20));
    block(b, 5, new byte[12]);
    block(b, 6, packet(order, 0, 7_000_001));
    block(b, 6, packet(order, 1, 7_000_000_001L));
    block(b, 6, packet(order, 2, 3L << 19));
    read(b);
    assertEquals(
        List.of(
            new Read(1, 7_000_001_000L, FRAME.length, bytes()),
            new Read(113, 7_000_000_001L, FRAME.length, bytes()),
            new Read(101, 1_500_000_000L, FRAME.length, bytes())),
        frames);
  }

  @Test
  void shouldBeginAnewWithANewSectionOfTheOtherByteOrder() throws IOException {
    ByteBuffer b = pcapng(ByteOrder.BIG_ENDIAN);
    block(b, 1, description(ByteOrder.BIG_ENDIAN, 1, 6));
    block(b, 6, packet(ByteOrder.BIG_ENDIAN, 0, 1));
    ByteBuffer second = pcapng(ByteOrder.LITTLE_ENDIAN);
    block(second, 1, description(ByteOrder.LITTLE_ENDIAN, 101, 6));
    block(second, 6, packet(ByteOrder.LITTLE_ENDIAN, 0, 2));
    b.put(second.array(), 0, second.position());
    read(b);
    assertEquals(List.of(1, 101), frames.stream().map(Read::linkType).toList());
  }

  @Test
  void shouldReadEveryFrameBeforeTheDamageAndSayWhereItIs() {
    ByteBuffer b = record(record(pcap(ByteOrder.LITTLE_ENDIAN, 0xa1b2c3d4, 1), 1, 0), 2, 0);
    for (int cut = 1; cut < FRAME.length + 16; cut++) {
      int length = b.position() - cut;
      CaptureDamagedException e =
          assertThrows(CaptureDamagedException.class, () -> read(b, length));
      assertEquals(1, frames.size());
      assertTrue(e.getMessage().contains("damaged after frame 1, at byte 47: "), e.getMessage());
    }
  }

  @Test
  void shouldRefuseAFrameThatNoNetworkHas() {
    ByteBuffer b = pcap(ByteOrder.BIG_ENDIAN, 0xa1b2c3d4, 1);
    b.putInt(0).putInt(0).putInt(Integer.MAX_VALUE).putInt(64);
    CaptureDamagedException e = assertThrows(CaptureDamagedException.class, () -> read(b));
    assertTrue(e.getMessage().contains("a frame of 2147483647 bytes"), e.getMessage());
  }

  @Test
  void shouldRefusePacketsOfAnInterfaceThatWasNotDescribed() {
    ByteBuffer b = pcapng(ByteOrder.BIG_ENDIAN);
    block(b, 6, packet(ByteOrder.BIG_ENDIAN, 0, 1));
    CaptureDamagedException e = assertThrows(CaptureDamagedException.class, () -> read(b));
    assertTrue(e.getMessage().contains("a packet of interface 0; the section has 0"));
  }

  @Test
  void shouldSayThatAFileIsNoCapture() {
    ByteBuffer text = ByteBuffer.wrap("GET / HTTP/1.1".getBytes());
    text.position(text.capacity());
    CaptureDamagedException e = assertThrows(CaptureDamagedException.class, () -> read(text));
    assertTrue(e.getMessage().contains("is not a pcap or pcapng capture"), e.getMessage());
  }

  @Test
  void shouldReadWhatTheWriterWrites() throws IOException {
    Path file = folder.resolve("written.pcapng");
    try (PcapngWriter writer = PcapngWriter.create(file)) {
      writer.write(1, 1_700_000_000_123_456_789L, FRAME, 0, 3, 3, 4, 99);
      writer.write(101, 5, FRAME, 0, 0, 0, FRAME.length, FRAME.length);
    }
    byte[] content = Files.readAllBytes(file);
    ByteBuffer b = ByteBuffer.wrap(content);
    b.position(content.length);
    read(b);
    assertEquals(
        List.of(
            new Read(1, 1_700_000_000_123_456_789L, 99, bytes()),
            new Read(101, 5, FRAME.length, bytes())),
        frames);
  }

  @Test
  void shouldWriteTheSameBytesForTheSameFrames() throws IOException {
    byte[][] written = new byte[2][];
    for (int i = 0; i < 2; i++) {
      Path file = folder.resolve("written-" + i);
      try (PcapngWriter writer = PcapngWriter.create(file)) {
        writer.write(1, 7, FRAME, 0, 3, 3, 4, 7);
      }
      written[i] = Files.readAllBytes(file);
    }
    assertArrayEquals(written[0], written[1]);
    assertFalse(written[0].length == 0);
  }
}
