package dev.portcullis.worker;

import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Cuts packets into fragments and puts fragments together: slow, plain, for comparison. */
final class Fragments {

  private Fragments() {}

  /** Fragments of at most {@code size} bytes behind the network header, a multiple of 8. */
  static List<byte[]> of(byte[] packet, int id, int size) {
    List<byte[]> list = new ArrayList<>();
    int length = packet.length - headerLength(packet);
    for (int at = 0; at < length; at += size) {
      list.add(one(packet, id, at, Math.min(at + size, length), at + size < length));
    }
    return list;
  }

  /** Fragments of random lengths. */
  static List<byte[]> random(byte[] packet, int id, Random random) {
    List<byte[]> list = new ArrayList<>();
    int length = packet.length - headerLength(packet);
    int least = (length / 100 / 8 + 1) * 8;
    for (int at = 0; at < length; ) {
      int end = Math.min(length, at + least + 8 * random.nextInt(1 + length / 16));
      if (at == 0 && end == length) {
        end = length - 1 & ~7;
      }
      list.add(one(packet, id, at, end, end < length));
      at = end;
    }
    return list;
  }

  /** The fragment that has bytes {@code from} to {@code to} behind the network header. */
  static byte[] one(byte[] packet, int id, int from, int to, boolean more) {
    boolean v4 = packet[0] >>> 4 == 4;
    int header = headerLength(packet);
    byte[] part = Arrays.copyOfRange(packet, header + from, header + to);
    byte[] out = Arrays.copyOf(packet, header + (v4 ? 0 : 8) + part.length);
    System.arraycopy(part, 0, out, out.length - part.length, part.length);
    if (v4) {
      put(out, 2, out.length);
      put(out, 4, id);
      put(out, 6, packet[6] << 8 & 0x4000 | (more ? 0x2000 : 0) | from >>> 3);
      put(out, 10, 0);
      put(out, 10, ~Checksum.sum(out, 0, header, 0));
    } else {
      put(out, 4, out.length - 40);
      out[40] = packet[6];
      out[41] = 0;
      put(out, 42, from | (more ? 1 : 0));
      put(out, 44, 0);
      put(out, 46, id);
      out[6] = 44;
    }
    return out;
  }

  /** Puts a complete set of fragments together; fails where bytes are missing or double. */
  static byte[] whole(List<byte[]> fragments) {
    byte[] payload = new byte[65_536];
    boolean[] there = new boolean[65_536];
    int total = -1;
    byte[] first = new byte[0];
    PacketHeader h = new PacketHeader();
    for (byte[] it : fragments) {
      h.parse(it, 0, it.length);
      if (h.version == 4 && Checksum.sum(it, 0, h.transportOffset, 0) != 0xffff) {
        throw new AssertionError("the checksum of an IPv4 header is wrong");
      }
      int from = h.version == 4 ? h.transportOffset : 48;
      for (int i = from; i < it.length; i++) {
        int at = h.fragmentOffset + i - from;
        if (there[at]) {
          throw new AssertionError("byte " + at + " twice");
        }
        there[at] = true;
        payload[at] = it[i];
      }
      if (!h.moreFragments) {
        total = h.fragmentOffset + it.length - from;
      }
      first = h.fragmentOffset == 0 ? it : first;
    }
    for (int i = 0; i < total; i++) {
      if (!there[i]) {
        throw new AssertionError("byte " + i + " of " + total + " is missing");
      }
    }
    int header = headerLength(first);
    byte[] out = Arrays.copyOf(first, header + total);
    System.arraycopy(payload, 0, out, header, total);
    if (first[0] >>> 4 == 4) {
      put(out, 2, out.length);
      put(out, 6, first[6] << 8 & 0x4000);
      put(out, 10, 0);
      put(out, 10, ~Checksum.sum(out, 0, header, 0));
    } else {
      put(out, 4, total);
      out[6] = first[40];
    }
    return out;
  }

  static byte[] withId(byte[] packet, int id, boolean dont) {
    byte[] out = packet.clone();
    put(out, 4, id);
    put(out, 6, dont ? 0x4000 : 0);
    return Packets.withChecksums(out);
  }

  static int headerLength(byte[] packet) {
    return packet[0] >>> 4 == 4 ? (packet[0] & 15) * 4 : 40;
  }

  static void put(byte[] b, int at, int value) {
    b[at] = (byte) (value >>> 8);
    b[at + 1] = (byte) value;
  }

  /** A UDP datagram with a payload of {@code length} random bytes. */
  static byte[] udp(String from, int fromPort, String to, int toPort, int length, Random random) {
    byte[] b = new byte[8 + length];
    random.nextBytes(b);
    put(b, 0, fromPort);
    put(b, 2, toPort);
    put(b, 4, b.length);
    put(b, 6, 0);
    return Packets.packet(from, to, PacketHeader.UDP, b);
  }
}
