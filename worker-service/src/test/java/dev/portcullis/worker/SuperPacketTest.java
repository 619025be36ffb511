package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.wire.PacketHeader;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Super-packets and packets without a checksum, as live ports take them over from the kernel (ADR
 * 30): through translation, second hops and an MTU.
 */
class SuperPacketTest {

  private static final String CLIENT = "10.0.0.99";
  private static final String SERVER = "198.51.100.7";

  private static Network network(String algorithm, int shards, int mtu) {
    return new Network(
        Network.branch(algorithm, "record")
            .replace("zone: wan, driver: pcap", "zone: wan, driver: pcap, mtu: " + mtu),
        3,
        shards);
  }

  private static byte[] withoutChecksum(byte[] packet, boolean dont) {
    byte[] copy = packet.clone();
    PacketHeader h = new PacketHeader();
    h.parse(copy, 0, copy.length);
    copy = Fragments.withId(copy, 7, dont);
    int at = h.transportOffset + (h.protocol == PacketHeader.TCP ? 16 : 6);
    copy[at] = 0x12;
    copy[at + 1] = 0x34;
    return copy;
  }

  private static byte[] data(int length) {
    byte[] segment = Packets.tcp(CLIENT, 4000, SERVER, 80, PacketHeader.ACK);
    byte[] longer = Arrays.copyOf(segment, segment.length + length);
    longer[2] = (byte) (longer.length >>> 8);
    longer[3] = (byte) longer.length;
    return longer;
  }

  @ParameterizedTest
  @CsvSource({"ip-sum, 1", "flow-hash, 2"})
  void shouldNotLookAtAChecksumThatIsMissingAndSayOnThatItIs(String algorithm, int shards) {
    Network net = network(algorithm, shards, 1500);
    byte[] syn = withoutChecksum(Packets.tcp(CLIENT, 4000, SERVER, 80, PacketHeader.SYN), true);
    net.segmentLength = 0;
    assertEquals(DropReason.NONE, net.in("lan", syn).why());
    Network.Out opened = net.packetsOut().getFirst();
    assertEquals(PacketFlags.CHECKSUM_MISSING, opened.flags());
    byte[] ack = withoutChecksum(Packets.tcp(CLIENT, 4000, SERVER, 80, PacketHeader.ACK), true);
    net.in("lan", ack);
    assertEquals(0, net.unaccounted());
  }

  @ParameterizedTest
  @CsvSource({"ip-sum, 1", "flow-hash, 2"})
  void shouldMeasureASuperPacketByItsPieces(String algorithm, int shards) {
    Network net = passing(algorithm, shards, 1500);
    net.segmentLength = 1500;
    byte[] large = withoutChecksum(data(20_000), true);
    assertEquals(DropReason.NONE, net.in("lan", large).why());
    Network.Out left = net.packetsOut().getFirst();
    assertEquals(1500, left.segmentLength());
    assertEquals(large.length, left.data().length);
    assertEquals(PacketFlags.CHECKSUM_MISSING, left.flags());
    net = passing(algorithm, shards, 1400);
    net.segmentLength = 1500;
    assertEquals(DropReason.MTU_EXCEEDED, net.in("lan", large).why());
    assertEquals(0, net.unaccounted());
  }

  @ParameterizedTest
  @CsvSource({"ip-sum, 1", "flow-hash, 2"})
  void shouldShortenTheSegmentsOfTcpThatMayBeFragmented(String algorithm, int shards) {
    Network net = passing(algorithm, shards, 1400);
    net.segmentLength = 1500;
    assertEquals(DropReason.NONE, net.in("lan", withoutChecksum(data(20_000), false)).why());
    assertEquals(1400, net.packetsOut().getFirst().segmentLength());
  }

  @ParameterizedTest
  @CsvSource({"ip-sum, 1", "flow-hash, 2"})
  void shouldCompleteTheChecksumBeforeItFragments(String algorithm, int shards) {
    Network net = network(algorithm, shards, 600);
    net.segmentLength = 0;
    byte[] packet = Fragments.udp(CLIENT, 5, SERVER, 53, 1200, new Random(1));
    assertEquals(DropReason.NONE, net.in("lan", withoutChecksum(packet, false)).why());
    List<Network.Out> pieces = net.packetsOut();
    assertTrue(pieces.size() > 1);
    byte[] whole = Fragments.whole(pieces.stream().map(Network.Out::data).toList());
    assertArrayEquals(Packets.withChecksums(whole.clone()), whole);
    assertEquals(0, pieces.getFirst().flags() & PacketFlags.CHECKSUM_MISSING);
  }

  /**
   * A network where a connection may begin in the middle, so that its data is what is looked at.
   */
  private static Network passing(String algorithm, int shards, int mtu) {
    return new Network(
        Network.branch(algorithm, "record")
            .replace("policy: p\n---", "exceptions: {midstream: pass}\n  policy: p\n---")
            .replace("zone: wan, driver: pcap", "zone: wan, driver: pcap, mtu: " + mtu),
        3,
        shards);
  }
}
