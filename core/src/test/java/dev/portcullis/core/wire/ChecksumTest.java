package dev.portcullis.core.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.junit.jupiter.api.Test;

class ChecksumTest {

  @Test
  void shouldAddUpTheExampleOfRfc1071() {
    byte[] bytes = {
      0x00, 0x01, (byte) 0xf2, 0x03, (byte) 0xf4, (byte) 0xf5, (byte) 0xf6, (byte) 0xf7
    };
    assertEquals(0xddf2, Checksum.sum(bytes, 0, 8, 0));
  }

  @Test
  void shouldGetTheSameByWhatChangedAsInFull() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int round = 0; round < 100_000; round++) {
      byte[] bytes = new byte[20 + random.nextInt(40)];
      random.nextBytes(bytes);
      if (round % 3 == 0) {
        java.util.Arrays.fill(bytes, 4, bytes.length, (byte) (round % 2 == 0 ? 0 : -1));
      }
      bytes[0] = 0x45;
      put(bytes, 2, 0);
      put(bytes, 2, ~Checksum.sum(bytes, 0, bytes.length, 0));
      int at = 4 + 2 * random.nextInt(8);
      int before = PacketHeader.u16(bytes, at);
      int after = random.nextInt(4) == 0 ? 0xffff * random.nextInt(2) : random.nextInt(0x10000);
      int original = PacketHeader.u16(bytes, 2);
      put(bytes, at, after);
      Checksum.apply(bytes, 2, Checksum.change(before, after));
      int incremental = PacketHeader.u16(bytes, 2);
      put(bytes, 2, 0);
      assertEquals(~Checksum.sum(bytes, 0, bytes.length, 0) & 0xffff, incremental, "seed " + seed);
      put(bytes, 2, incremental);
      Checksum.apply(bytes, 2, Checksum.undone(Checksum.change(before, after)));
      assertEquals(original, PacketHeader.u16(bytes, 2), "seed " + seed);
    }
  }

  @Test
  void shouldSumOddLengthsAsIfAZeroFollowed() {
    byte[] bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0};
    assertEquals(Checksum.sum(bytes, 0, 12, 0), Checksum.sum(bytes, 0, 11, 0));
  }

  private static void put(byte[] b, int at, int value) {
    b[at] = (byte) (value >>> 8);
    b[at + 1] = (byte) value;
  }
}
