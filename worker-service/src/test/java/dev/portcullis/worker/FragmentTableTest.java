package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.FragmentTable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FragmentTableTest {

  private final PacketHeader h = new PacketHeader();

  private int add(FragmentTable table, int datagram, byte[] packet) {
    PacketBatch batch = new PacketBatch(0);
    batch.bytes = packet;
    batch.traceBytes = packet;
    batch.dataLength[0] = packet.length;
    batch.number[0] = packet.length;
    h.parse(packet, 0, packet.length);
    return table.add(datagram, batch, 0, h, 0, 0, 0);
  }

  /** What the table must say, by marking bytes. */
  private static final class Reference {
    private final byte[] bytes = new byte[70_000];
    private final boolean[] there = new boolean[70_000];
    private final List<byte[]> kept = new ArrayList<>();
    private int total = -1;
    private int highest;
    private int count;

    int add(byte[] packet) {
      for (byte[] it : kept) {
        if (Arrays.equals(it, packet)) {
          return FragmentTable.KEPT;
        }
      }
      PacketHeader h = new PacketHeader();
      h.parse(packet, 0, packet.length);
      int from = FragmentTable.payloadAt(h);
      int end = h.fragmentOffset + h.end - from;
      boolean contradiction =
          h.moreFragments
              ? total >= 0 && end >= total
              : total >= 0 && total != end || highest > end || highest == end && highest > 0;
      for (int at = h.fragmentOffset; at < end; at++) {
        contradiction |= there[at];
      }
      if (contradiction) {
        return FragmentTable.OVERLAP;
      }
      for (int at = h.fragmentOffset; at < end; at++) {
        there[at] = true;
        bytes[at] = packet[from + at - h.fragmentOffset];
      }
      kept.add(packet);
      count += end - h.fragmentOffset;
      highest = Math.max(highest, end);
      total = h.moreFragments ? total : end;
      return count == total ? FragmentTable.COMPLETE : FragmentTable.KEPT;
    }
  }

  @Test
  void shouldAgreeWithAReferenceOnRandomFragmentsOrdersDuplicatesAndOverlaps() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    FragmentTable table = new FragmentTable(1, 16, 1 << 24);
    int complete = 0;
    int overlaps = 0;
    for (int round = 0; round < 3000; round++) {
      String note = "seed " + seed + ", round " + round;
      boolean v4 = random.nextBoolean();
      byte[] packet =
          Fragments.udp(
              v4 ? "10.0.0.1" : "2001:db8::1",
              1,
              v4 ? "10.0.0.2" : "2001:db8::2",
              2,
              20 + random.nextInt(random.nextInt(10) == 0 ? 60_000 : 3000),
              random);
      List<byte[]> fragments = new ArrayList<>(Fragments.random(packet, 7, random));
      Collections.shuffle(fragments, random);
      for (int extra = random.nextInt(3); extra > 0; extra--) {
        byte[] one = fragments.get(random.nextInt(fragments.size()));
        if (random.nextBoolean()) {
          List<byte[]> others = Fragments.random(packet, 7, random);
          one = others.get(random.nextInt(others.size()));
        }
        fragments.add(random.nextInt(fragments.size() + 1), one);
      }
      int datagram = -1;
      Reference reference = new Reference();
      for (byte[] it : fragments) {
        h.parse(it, 0, it.length);
        assertEquals(datagram, table.find(h, 3, 5), note);
        datagram = datagram < 0 ? table.open(h, 3, 5, 0) : datagram;
        int expected = reference.add(it);
        assertEquals(expected, add(table, datagram, it), note);
        if (expected == FragmentTable.OVERLAP) {
          overlaps++;
          break;
        }
        if (expected == FragmentTable.COMPLETE) {
          complete++;
          byte[] whole = new byte[table.wholeLength(datagram)];
          table.writeWhole(datagram, whole, 0);
          assertArrayEquals(packet, v4 ? withId(whole) : withoutFragmentHeader(whole), note);
          break;
        }
      }
      table.unload(datagram, new PacketBatch(0));
      table.detach(datagram);
      table.release(datagram);
      assertEquals(0, table.size(), note);
      assertEquals(0, table.bytes(), note);
    }
    assertEquals(true, complete > 1000 && overlaps > 300, complete + " " + overlaps);
  }

  private static byte[] withId(byte[] whole) {
    return Fragments.withId(whole, 77, false);
  }

  private static byte[] withoutFragmentHeader(byte[] whole) {
    byte[] out = Arrays.copyOf(whole, whole.length - 8);
    System.arraycopy(whole, 48, out, 40, whole.length - 48);
    out[6] = whole[40];
    Fragments.put(out, 4, out.length - 40);
    assertEquals(0, whole[42] | whole[43], "offset and flag of the fragment header");
    return out;
  }

  @Test
  void shouldGiveFramesBackAsTheyCameInOrderOfArrival() {
    FragmentTable table = new FragmentTable(1, 16, 1 << 24);
    Random random = new Random(1);
    byte[] packet = Fragments.udp("10.0.0.1", 1, "10.0.0.2", 2, 900, random);
    List<byte[]> fragments = Fragments.of(packet, 7, 400).reversed();
    h.parse(fragments.get(0), 0, fragments.get(0).length);
    int datagram = table.open(h, 0, 0, 0);
    fragments.forEach(it -> add(table, datagram, it));
    PacketBatch out = new PacketBatch(0);
    assertEquals(3, table.unload(datagram, out));
    for (int i = 0; i < 3; i++) {
      assertArrayEquals(
          fragments.get(i),
          Arrays.copyOfRange(out.bytes, out.dataOffset[i], out.dataOffset[i] + out.dataLength[i]));
      assertEquals(fragments.get(i).length, out.number[i]);
    }
  }

  @Test
  void shouldBoundDatagramsBytesAndFramesOfALane() {
    FragmentTable table = new FragmentTable(1, 32, 16 * 2048);
    byte[] packet = Fragments.udp("10.0.0.1", 1, "10.0.0.2", 2, 3000, new Random(1));
    for (int id = 0; id < 3; id++) {
      byte[] first = Fragments.one(packet, id, 0, 8, true);
      h.parse(first, 0, first.length);
      int datagram = table.open(h, 0, 4, 0);
      assertEquals(id == 2, datagram < 0, "two datagrams a lane");
    }
    byte[] other = Fragments.one(packet, 9, 0, 1000, true);
    h.parse(other, 0, other.length);
    int datagram = table.open(h, 0, 5, 0);
    assertEquals(FragmentTable.KEPT, add(table, datagram, other));
    assertEquals(
        FragmentTable.NO_ROOM, add(table, datagram, Fragments.one(packet, 9, 1000, 2200, true)));
    FragmentTable large = new FragmentTable(1, 16, 1 << 24);
    int many = large.open(h, 0, 5, 0);
    for (int i = 0; i < FragmentTable.MAX_FRAGMENTS; i++) {
      byte[] it = Fragments.one(packet, 9, i * 8, i * 8 + 8, true);
      assertEquals(FragmentTable.KEPT, add(large, many, it));
    }
    assertEquals(
        FragmentTable.NO_ROOM, add(large, many, Fragments.one(packet, 9, 2000, 2008, true)));
  }

  /** A link that lost the rest of a datagram leaves nothing behind for ever. */
  @Test
  void shouldBoundThoseThatMeetOnceMoreByAllThatTheWorkerHasAndTwiceTheTime() {
    FragmentTable table = new FragmentTable(30, 32, 16 * 2048);
    byte[] packet = Fragments.udp("10.0.0.1", 1, "10.0.0.2", 2, 3000, new Random(1));
    for (int id = 0; id < 33; id++) {
      byte[] first = Fragments.one(packet, id, 0, 8, true);
      h.parse(first, 0, first.length);
      int datagram = table.open(h, 0, FragmentTable.PASSING, id);
      assertEquals(id == 32, datagram < 0, "datagram " + id);
    }
    assertEquals(-1, table.nextExpired(FragmentTable.PASSING, 60));
    assertEquals(0, table.nextExpired(FragmentTable.PASSING, 61));
  }
}
