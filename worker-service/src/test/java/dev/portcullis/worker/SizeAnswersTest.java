package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.policy.OwnAddresses;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;
import dev.portcullis.worker.stage.answer.AnswerStage;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Answers to what is too large, or waited too long for its fragments. */
class SizeAnswersTest {

  private static final String CLIENT = "10.0.1.5";
  private static final String CLIENT6 = "2001:db8:1::5";

  /** Drops a packet that came in on {@code lan}, and returns the answer; empty: none. */
  private static byte[] answer(byte[] packet, DropReason why, int mtu) {
    GatewayConfig config =
        Network.load(
            Network.branch("ip-sum", "record")
                .replace("[10.0.0.1/8]", "[10.0.0.1/8, \"2001:db8:1::1/64\"]"));
    Topology topology = Topology.of(config.gateway());
    AnswerStage stage =
        new AnswerStage(
            new OwnAddresses(config.gateway(), topology),
            new Egress(config.gateway(), topology),
            new FlowTable(config.gateway().timeouts(), config.gateway().limits()),
            false,
            config.gateway().limits());
    PacketBatch batch = new PacketBatch(packet.length);
    System.arraycopy(packet, 0, batch.bytes, 0, packet.length);
    batch.dataLength[0] = packet.length;
    batch.captureTimeNs[0] = 1;
    batch.count = 1;
    Vector v = new Vector();
    v.begin(batch, false);
    v.header[0].parse(batch.bytes, 0, packet.length);
    v.kind[0] = Vector.STATELESS;
    v.mtu[0] = mtu;
    v.drop(0, StageName.EMIT, why);
    v.to = 1;
    stage.process(v);
    int at = v.answerOffset[0];
    return v.answerLength[0] == 0
        ? new byte[0]
        : Arrays.copyOfRange(v.batch.bytes, at, at + v.answerLength[0]);
  }

  @Test
  void shouldSayHowLargeAPacketMayBe() {
    byte[] large = Packets.packet(CLIENT, "198.51.100.7", 99, new byte[1480]);
    byte[] expected = Packets.error("10.0.0.1", CLIENT, 3, 4, 1400, Arrays.copyOf(large, 548));
    expected[1] = (byte) 0xc0;
    expected[4] = 0;
    expected[5] = 0;
    expected[6] = 0x40;
    assertArrayEquals(
        Packets.withChecksums(expected), answer(large, DropReason.MTU_EXCEEDED, 1400));
    byte[] v6 = Packets.packet(CLIENT6, "2001:db8:2::7", 99, new byte[1460]);
    assertArrayEquals(
        Packets.error("2001:db8:1::1", CLIENT6, 2, 0, 1400, Arrays.copyOf(v6, 1232)),
        answer(v6, DropReason.MTU_EXCEEDED, 1400));
  }

  @Test
  void shouldSayItToSendersOfMulticastInIpv6Alone() {
    byte[] v6 = Packets.packet(CLIENT6, "ff0e::7", 99, new byte[1460]);
    assertEquals(1280, answer(v6, DropReason.MTU_EXCEEDED, 1400).length);
    byte[] v4 = Packets.packet(CLIENT, "239.1.2.3", 99, new byte[1480]);
    assertEquals(0, answer(v4, DropReason.MTU_EXCEEDED, 1400).length);
  }

  @Test
  void shouldSayThatFragmentsDidNotComeAboutTheFirstAlone() {
    byte[] first = Packets.packet(CLIENT, "198.51.100.7", 99, new byte[16]);
    first[6] = 0x20;
    byte[] answer = answer(first, DropReason.FRAGMENT_TIMEOUT, 0);
    assertEquals(11, answer[20]);
    assertEquals(1, answer[21]);
    assertArrayEquals(first, Arrays.copyOfRange(answer, 28, 64));
    first[7] = 2;
    assertEquals(0, answer(first, DropReason.FRAGMENT_TIMEOUT, 0).length);
  }

  @Test
  void shouldSayNothingAboutOtherDrops() {
    byte[] packet = Packets.packet(CLIENT, "198.51.100.7", 99, new byte[16]);
    assertEquals(0, answer(packet, DropReason.ACL, 0).length);
    assertEquals(0, answer(packet, DropReason.NAT_EXHAUSTED, 0).length);
  }
}
