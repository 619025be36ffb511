package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.wire.PacketHeader;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MtuTest {

  private static final String CLIENT = "10.0.0.99";
  private static final String SERVER = "198.51.100.7";
  private static final String CLIENT6 = "2001:db8:a::1";
  private static final String SERVER6 = "2001:db8:b::1";

  private static Network network(String lan, String wan) {
    return new Network(
        DefragmentTest.ROUTED
            .replace("EXCEPTIONS", "")
            .replace("LIMITS", "")
            .replace("zone: lan, driver: pcap", "zone: lan, driver: pcap, " + lan)
            .replace("zone: wan, driver: pcap", "zone: wan, driver: pcap, " + wan),
        3,
        2);
  }

  private static List<byte[]> pieces(Network net) {
    return net.packetsOut().stream().map(Network.Out::data).toList();
  }

  @Test
  void shouldFragmentWhatIsLargerThanThePortOfExitTakes() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int mtu : new int[] {576, 1000, 1499, 1500, 9000}) {
      Network net = network("mtu: 9000", "mtu: " + mtu);
      for (int i = 0; i < 40; i++) {
        String note = "seed " + seed + ", mtu " + mtu;
        byte[] packet = Fragments.udp(CLIENT, 5, SERVER, 53, random.nextInt(8900), random);
        Network.Out outcome = net.in("lan", packet);
        assertEquals(DropReason.NONE, outcome.why(), note);
        List<Network.Out> out = net.packetsOut();
        if (packet.length <= mtu) {
          assertArrayEquals(Packets.oneHopOn(packet), net.left(), note);
          continue;
        }
        assertArrayEquals(Packets.oneHopOn(packet), Fragments.whole(pieces(net)), note);
        int step = mtu - 20 & ~7;
        assertEquals((packet.length - 20 + step - 1) / step, out.size(), note);
        assertEquals(
            out.size(), net.out.stream().filter(Network.Out::outcome).count() + out.size() - 1);
        for (int piece = 0; piece < out.size(); piece++) {
          assertEquals(piece, out.get(piece).pieces(), note);
          assertTrue(out.get(piece).data().length <= mtu, note);
        }
      }
      assertEquals(0, net.unaccounted());
    }
  }

  @Test
  void shouldDropWhatMayNotBeFragmented() {
    Network net = network("mtu: 9000", "mtu: 1000");
    byte[] packet = Fragments.udp(CLIENT, 5, SERVER, 53, 1000, new Random(1));
    assertEquals(DropReason.MTU_EXCEEDED, net.in("lan", Fragments.withId(packet, 77, true)).why());
    byte[] v6 = Fragments.udp(CLIENT6, 5, SERVER6, 53, 1000, new Random(1));
    assertEquals(DropReason.MTU_EXCEEDED, net.in("lan", v6).why());
    byte[] fits =
        Fragments.withId(Fragments.udp(CLIENT, 5, SERVER, 53, 972, new Random(1)), 7, true);
    assertEquals(DropReason.NONE, net.in("lan", fits).why());
  }

  @Test
  void shouldCarryOnlyCopiedOptionsInLaterFragments() {
    Network net = network("mtu: 9000", "mtu: 576");
    byte[] plain = Fragments.udp(CLIENT, 5, SERVER, 53, 1000, new Random(1));
    byte[] packet = new byte[plain.length + 12];
    System.arraycopy(plain, 0, packet, 0, 20);
    // record route (not copied), stream id (copied), end
    System.arraycopy(HexFormat.of().parseHex("070704000000000188040102"), 0, packet, 20, 12);
    System.arraycopy(plain, 20, packet, 32, plain.length - 20);
    packet[0] = 0x48;
    Fragments.put(packet, 2, packet.length);
    Packets.withChecksums(packet);
    net.in("lan", packet);
    List<byte[]> out = pieces(net);
    assertEquals(2, out.size());
    assertArrayEquals(Packets.oneHopOn(packet), Fragments.whole(out));
    assertEquals("070704000000000188040102", HexFormat.of().formatHex(out.get(0), 20, 32));
    assertEquals("010101010101010188040102", HexFormat.of().formatHex(out.get(1), 20, 32));
  }

  /** What came in fragments leaves in none that is larger; DF as the largest of them had it. */
  @ParameterizedTest
  @CsvSource({"1500,false,1000", "800,false,800", "1500,true,1000", "800,true,0"})
  void shouldFragmentAgainByTheLargestFragmentThatCame(int mtu, boolean dont, int largest) {
    Network net = network("", "mtu: " + mtu);
    byte[] packet =
        Fragments.withId(Fragments.udp(CLIENT, 5, SERVER, 53, 3000, new Random(1)), 9, dont);
    List<byte[]> in = new ArrayList<>(Fragments.of(packet, 9, 976));
    Network.Out outcome = net.in("lan", in).getLast();
    if (largest == 0) {
      assertEquals(DropReason.MTU_EXCEEDED, outcome.why());
      assertEquals(0, net.packetsOut().size());
      assertEquals(0, net.unaccounted());
      return;
    }
    assertEquals(DropReason.NONE, outcome.why());
    List<byte[]> out = pieces(net);
    assertArrayEquals(Packets.oneHopOn(packet), Fragments.whole(out));
    for (byte[] it : out) {
      assertTrue(it.length <= largest, it.length + " bytes");
      assertEquals(dont, (it[6] & 0x40) != 0);
    }
  }

  @Test
  void shouldLetAnInlinePairHaveNoMtu() {
    Network net = new Network(Network.TRANSPARENT, 2, 1);
    byte[] packet =
        Fragments.withId(Fragments.udp(CLIENT, 5, SERVER, 53, 8000, new Random(1)), 9, true);
    net.in("lan", packet);
    assertArrayEquals(packet, net.left());
  }

  private static byte[] syn(String from, String to, String options, int flags) {
    byte[] o = HexFormat.of().parseHex(options);
    ByteBuffer b = ByteBuffer.allocate(20 + o.length);
    b.putShort((short) 4000).putShort((short) 80).putInt(1).putInt(0);
    b.put((byte) (5 + o.length / 4 << 4)).put((byte) flags).putShort((short) 1000).putInt(0).put(o);
    return Packets.packet(from, to, PacketHeader.TCP, b.array());
  }

  private static String options(byte[] packet) {
    int at = Fragments.headerLength(packet) + 20;
    return HexFormat.of().formatHex(packet, at, packet.length);
  }

  /** 1460 is 05b4, 1360 is 0550, 1340 is 053c; options that contradict themselves stay. */
  @ParameterizedTest
  @CsvSource({
    "v4,020405b4,02040550",
    "v4,02040550,02040550",
    "v4,02040400,02040400",
    "v6,020405b4,0204053c",
    "v4,01020405b4010101,0102040550010101",
    "v4,0303070101020405b4010101,030307010102040550010101",
    "v4,0000000002040fff,0000000002040fff",
    "v4,020505b4,020505b4",
    "v4,0200020405b40101,0200020405b40101",
    "v4,01010102,01010102",
    "v4,ff0405b4,ff0405b4"
  })
  void shouldLowerTheMssOfSynsToWhatFitsBothPorts(String version, String in, String out) {
    boolean v4 = version.equals("v4");
    Network net = network("", "mtu: 1400, clampMss: true");
    byte[] packet = syn(v4 ? CLIENT : CLIENT6, v4 ? SERVER : SERVER6, in, PacketHeader.SYN);
    assertEquals(DropReason.NONE, net.in("lan", packet.clone()).why());
    assertEquals(out, options(net.left()));
    assertArrayEquals(Packets.withChecksums(net.left().clone()), net.left());
    byte[] answer =
        syn(v4 ? SERVER : SERVER6, v4 ? CLIENT : CLIENT6, in, PacketHeader.SYN | PacketHeader.ACK);
    Fragments.put(answer, Fragments.headerLength(answer), 80);
    Fragments.put(answer, Fragments.headerLength(answer) + 2, 4000);
    Fragments.put(answer, Fragments.headerLength(answer) + 10, 2); // acknowledges the SYN
    Packets.withChecksums(answer);
    assertEquals(DropReason.NONE, net.in("wan", answer).why());
    assertEquals(out, options(net.left()));
    assertArrayEquals(Packets.withChecksums(net.left().clone()), net.left());
  }

  @Test
  void shouldLeaveTheMssAloneWhereNoPortAsks() {
    Network net = network("", "mtu: 1400");
    net.in("lan", syn(CLIENT, SERVER, "020405b4", PacketHeader.SYN));
    assertEquals("020405b4", options(net.left()));
  }
}
