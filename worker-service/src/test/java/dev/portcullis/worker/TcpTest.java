package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.EndReason;
import dev.portcullis.worker.flow.FlowTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * TCP connections through the gateway, segment by segment: what each does to the state, or why it
 * does not pass. Numbers are relative: the first side begins at 0, the second at 0.
 */
class TcpTest {

  private static final int SYN = PacketHeader.SYN,
      ACK = PacketHeader.ACK,
      FIN = PacketHeader.FIN,
      RST = PacketHeader.RST,
      PSH = PacketHeader.PSH,
      URG = PacketHeader.URG;

  private static final byte[] NO_OPTIONS = {};
  private static final byte[] SCALE_7 = {1, 3, 3, 7};
  private static final byte[] SACK_PERMITTED = {4, 2, 1, 1};
  private static final String OUT = "out-of-window";

  private Network net = new Network(Network.STRICT, 1, 1);
  private long clientIsn = 0;
  private long serverIsn = 0;

  private String client(int flags, long seq, long ack, int window, int length, byte... options) {
    return said(
        "lan",
        Packets.tcp(
            "10.0.0.9",
            4000,
            "192.0.2.1",
            80,
            flags,
            clientIsn + seq,
            (flags & ACK) == 0 ? 0 : serverIsn + ack,
            window,
            options,
            length));
  }

  private String server(int flags, long seq, long ack, int window, int length, byte... options) {
    return said(
        "wan",
        Packets.tcp(
            "192.0.2.1",
            80,
            "10.0.0.9",
            4000,
            flags,
            serverIsn + seq,
            (flags & ACK) == 0 ? 0 : clientIsn + ack,
            window,
            options,
            length));
  }

  private String said(String port, byte[] packet) {
    net.timeNs += 1_000_000;
    Network.Out it = net.in(port, packet);
    return it.why() == DropReason.NONE
        ? it.trace().replaceAll(".*stateful:", "")
        : it.why().label();
  }

  private void handshake() {
    handshake(NO_OPTIONS);
  }

  private void handshake(byte[] options) {
    assertEquals("new", client(SYN, 0, 0, 65535, 0, options));
    assertEquals("opening", server(SYN | ACK, 0, 1, 65535, 0, options));
    assertEquals("established", client(ACK, 1, 1, 65535, 0));
  }

  private FlowTable flows() {
    return net.workers.getFirst().shards().getFirst().pipeline().flows();
  }

  // ---- states

  @Test
  void shouldFollowAConnectionFromHandshakeToTimeWait() {
    handshake();
    assertEquals("established", client(ACK | PSH, 1, 1, 65535, 100));
    assertEquals("established", server(ACK | PSH, 1, 101, 65535, 200));
    assertEquals("fin-wait", client(FIN | ACK, 101, 201, 65535, 0));
    assertEquals("close-wait", server(ACK, 201, 102, 65535, 0));
    assertEquals("last-ack", server(FIN | ACK, 201, 102, 65535, 0));
    assertEquals("time-wait", client(ACK, 102, 202, 65535, 0));
  }

  @Test
  void shouldLetTheOtherSideSendForHoursAfterOneSideHasClosed() {
    handshake();
    client(FIN | ACK, 1, 1, 65535, 0);
    server(ACK, 1, 2, 65535, 0);
    for (int i = 0; i < 200; i++) {
      net.timeNs += 200_000_000_000L;
      assertEquals("close-wait", server(ACK, 1 + i * 1000, 2, 65535, 1000));
      assertEquals("close-wait", client(ACK, 2, 1001 + i * 1000, 65535, 0));
    }
    assertEquals("last-ack", server(FIN | ACK, 200_001, 2, 65535, 0));
  }

  @Test
  void shouldTakeARepeatedFinForOne() {
    handshake();
    assertEquals("fin-wait", client(FIN | ACK, 1, 1, 65535, 0));
    assertEquals("fin-wait", client(FIN | ACK, 1, 1, 65535, 0));
    assertEquals("close-wait", server(ACK, 1, 2, 65535, 0));
    assertEquals("close-wait", client(FIN | ACK, 1, 1, 65535, 0));
  }

  @Test
  void shouldFollowBothSidesClosingAtOnce() {
    handshake();
    assertEquals("fin-wait", client(FIN | ACK, 1, 1, 65535, 0));
    assertEquals("last-ack", server(FIN | ACK, 1, 1, 65535, 0));
    assertEquals("time-wait", client(ACK, 2, 2, 65535, 0));
    assertEquals("time-wait", server(ACK, 2, 2, 65535, 0));
  }

  @Test
  void shouldFollowASimultaneousOpen() {
    assertEquals("new", client(SYN, 0, 0, 65535, 0));
    assertEquals("opening", server(SYN, 0, 0, 65535, 0));
    assertEquals("opening", client(SYN | ACK, 0, 1, 65535, 0));
    assertEquals("opening", server(SYN | ACK, 0, 1, 65535, 0));
    assertEquals("established", server(ACK, 1, 1, 65535, 10));
    assertEquals("established", client(ACK, 1, 11, 65535, 10));
  }

  @Test
  void shouldPassARepeatedSynAndSynAck() {
    assertEquals("new", client(SYN, 0, 0, 65535, 0));
    assertEquals("new", client(SYN, 0, 0, 65535, 0));
    assertEquals("opening", server(SYN | ACK, 0, 1, 65535, 0));
    assertEquals("opening", client(SYN, 0, 0, 65535, 0));
    assertEquals("opening", server(SYN | ACK, 0, 1, 65535, 0));
    assertEquals("established", client(ACK, 1, 1, 65535, 0));
    assertEquals("established", client(ACK, 1, 1, 65535, 1000));
    assertEquals("established", server(SYN | ACK, 0, 1, 65535, 0));
    assertEquals("established", server(ACK, 1, 1001, 65535, 0));
  }

  @Test
  void shouldDropWhatCannotComeBeforeTheHandshake() {
    assertEquals("new", client(SYN, 0, 0, 65535, 0));
    assertEquals("out-of-state", client(ACK, 1, 1, 65535, 0));
    assertEquals("out-of-state", server(FIN | ACK, 1, 1, 65535, 0));
    assertEquals("out-of-state", client(SYN | FIN, 0, 0, 65535, 0));
    assertEquals("out-of-state", client(0, 0, 0, 65535, 0));
    assertEquals("out-of-state", client(FIN | PSH | URG, 0, 0, 65535, 0));
    handshakeEnds();
    assertEquals("out-of-state", server(SYN, 1, 1, 65535, 0));
  }

  private void handshakeEnds() {
    assertEquals("opening", server(SYN | ACK, 0, 1, 65535, 0));
    assertEquals("established", client(ACK, 1, 1, 65535, 0));
  }

  @Test
  void shouldPassDataOnSynAsInFastOpen() {
    assertEquals("new", client(SYN, 0, 0, 65535, 500));
    assertEquals("opening", server(SYN | ACK, 0, 501, 65535, 0));
    assertEquals("opening", server(ACK, 1, 501, 65535, 1000));
    assertEquals("opening", server(ACK, 1001, 501, 65535, 1000));
    assertEquals("established", client(ACK, 501, 2001, 65535, 0));
  }

  @Test
  void shouldPassDataOnSynAgainThatTheServerDidNotTake() {
    assertEquals("new", client(SYN, 0, 0, 65535, 500));
    assertEquals("opening", server(SYN | ACK, 0, 1, 65535, 0));
    assertEquals("established", client(ACK, 1, 1, 65535, 500));
    assertEquals("established", server(ACK, 1, 501, 65535, 0));
  }

  // ---- windows

  @Test
  void shouldDropDataBeyondTheOfferedWindow() {
    assertEquals("new", client(SYN, 0, 0, 1000, 0));
    assertEquals("opening", server(SYN | ACK, 0, 1, 1000, 0));
    assertEquals("established", client(ACK, 1, 1, 1000, 0));
    assertEquals("established", server(ACK, 1, 1, 1000, 1000));
    assertEquals(OUT, server(ACK, 1002, 1, 1000, 10));
    assertEquals("established", client(ACK, 1, 1001, 1000, 0));
    assertEquals("established", server(ACK, 1001, 1, 1000, 10));
  }

  @Test
  void shouldDropAnAcknowledgementOfWhatWasNeverSent() {
    handshake();
    assertEquals(OUT, server(ACK, 1, 2, 65535, 0));
    client(ACK, 1, 1, 65535, 1);
    assertEquals("established", server(ACK, 1, 2, 65535, 0));
  }

  @Test
  void shouldScaleWindowsOnlyWhenBothSidesOffer() {
    handshake(SCALE_7);
    assertEquals("established", client(ACK, 1, 1, 1000, 0));
    assertEquals("established", server(ACK, 100_000, 1, 1000, 100));

    net = new Network(Network.STRICT, 1, 1);
    client(SYN, 0, 0, 1000, 0, SCALE_7);
    server(SYN | ACK, 0, 1, 1000, 0);
    assertEquals("established", client(ACK, 1, 1, 1000, 0));
    assertEquals(OUT, server(ACK, 100_000, 1, 1000, 100));
  }

  @Test
  void shouldTakeAScaleAbove14For14() {
    byte[] tooMuch = {1, 3, 3, (byte) 200};
    handshake(tooMuch);
    client(ACK, 1, 1, 65535, 0);
    assertEquals("established", server(ACK, (65535L << 14) - 100, 1, 1000, 100));
  }

  @Test
  void shouldCountBlocksOfSackAsSeen() {
    handshake(SACK_PERMITTED);
    server(ACK, 1, 1, 65535, 1000);
    server(ACK, 1001, 1, 65535, 1000);
    assertEquals("established", client(ACK, 1, 1, 65535, 0, sack(1001, 2001)));
    assertEquals(OUT, client(ACK, 1, 1, 65535, 0, sack(1001, 9001)));
    byte[] damaged = sack(1001, 9001);
    damaged[3] = 60;
    assertEquals("established", client(ACK, 1, 1, 65535, 0, damaged));
  }

  private byte[] sack(long left, long right) {
    byte[] option = {1, 1, 5, 10, 0, 0, 0, 0, 0, 0, 0, 0};
    java.nio.ByteBuffer.wrap(option, 4, 8)
        .putInt((int) (serverIsn + left))
        .putInt((int) (serverIsn + right));
    return option;
  }

  @Test
  void shouldPassKeepAlivesAndProbesOfAClosedWindow() {
    handshake();
    assertEquals("established", client(ACK, 0, 1, 65535, 0));
    assertEquals("established", client(ACK, 0, 1, 65535, 1));
    assertEquals("established", server(ACK, 1, 1, 0, 0));
    assertEquals("established", client(ACK, 1, 1, 65535, 1));
    assertEquals("established", server(ACK, 1, 1, 0, 0));
    assertEquals("established", client(ACK, 1, 1, 65535, 1));
    assertEquals("established", server(ACK, 1, 2, 1000, 0));
  }

  @Test
  void shouldPassUrgentData() {
    handshake();
    assertEquals("established", client(ACK | URG | PSH, 1, 1, 65535, 1));
  }

  @Test
  void shouldGoOnWhereSequenceNumbersWrapAround() {
    clientIsn = 0xffff_fff0L;
    serverIsn = 0x7fff_fff0L;
    handshake();
    long sent = 1;
    for (int i = 0; i < 100; i++) {
      assertEquals("established", client(ACK, sent, sent, 65535, 1000));
      assertEquals("established", server(ACK, sent, sent + 1000, 65535, 1000));
      sent += 1000;
    }
    assertEquals(OUT, client(ACK, sent + 70_000, sent, 65535, 10));
  }

  @Test
  void shouldNotLetASegmentOutsideOfTheWindowChangeTheState() {
    handshake();
    assertEquals(OUT, client(FIN | ACK, 100_000, 1, 65535, 0));
    assertEquals(OUT, server(FIN | ACK, 1, 5, 65535, 0));
    assertEquals(OUT, server(RST, 100_000, 0, 0, 0));
    assertEquals("established", client(ACK, 1, 1, 65535, 0));
  }

  @Test
  void shouldPassWhatDoesNotFitWithoutEffectWhereTheSettingSaysSo() {
    net = new Network(Network.TRANSPARENT, 1, 1);
    handshake();
    assertEquals("established", client(FIN | ACK, 100_000, 1, 65535, 0));
    assertEquals("established", server(RST, 100_000, 0, 0, 0));
    assertEquals("established", server(SYN, 100_000, 0, 0, 0));
    assertEquals("established", client(ACK, 1, 1, 65535, 0));
  }

  // ---- resets

  @Test
  void shouldTakeARefusalOnlyOfTheSynThatWasSent() {
    client(SYN, 0, 0, 65535, 0);
    assertEquals(OUT, server(RST | ACK, 0, 77, 0, 0));
    assertEquals(OUT, server(RST, 5, 0, 0, 0));
    assertEquals("closed", server(RST | ACK, 0, 1, 0, 0));
    assertEquals("new", client(SYN, 0, 0, 65535, 0));
  }

  @Test
  void shouldOpenAConnectionAnewAfterAReset() {
    handshake();
    assertEquals("closed", client(RST, 1, 0, 0, 0));
    assertEquals("new", client(SYN, 5, 0, 65535, 0));
    assertEquals(1, flows().size());
    assertEquals(1, flows().ended(EndReason.REPLACED));
  }

  @Test
  void shouldOpenAnewFromTimeWaitWithAHigherFirstNumberOnly() {
    handshake();
    client(FIN | ACK, 1, 1, 65535, 0);
    server(FIN | ACK, 1, 2, 65535, 0);
    assertEquals("time-wait", client(ACK, 2, 2, 65535, 0));
    assertEquals("time-wait", client(SYN, -50_000, 0, 65535, 0));
    assertEquals(0, flows().ended(EndReason.REPLACED));
    assertEquals("new", client(SYN, 90_000, 0, 65535, 0));
    assertEquals(1, flows().ended(EndReason.REPLACED));
    assertEquals("opening", server(SYN | ACK, 7, 90_001, 65535, 0));
  }

  @Test
  void shouldFollowTheServerThatAnswersASynFromTimeWaitWithALowerNumber() {
    handshake();
    client(FIN | ACK, 1, 1, 65535, 0);
    server(FIN | ACK, 1, 2, 65535, 0);
    client(ACK, 2, 2, 65535, 0);
    assertEquals("time-wait", client(SYN, -50_000, 0, 65535, 0));
    assertEquals("established", server(SYN | ACK, 900_000, -49_999, 65535, 0));
    assertEquals("established", client(ACK, -49_999, 900_001, 65535, 100));
    assertEquals("fin-wait", server(FIN | ACK, 900_001, -49_899, 65535, 0));
  }

  // ---- the cases of the kernel's own tests of connection tracking (packetdrill, 2024)

  @Test
  void shouldPassDataAgainWhoseAcknowledgementWasLost() {
    handshake();
    for (int i = 0; i < 46; i++) {
      assertEquals("established", client(ACK | PSH, 1 + i * 1460, 1, 257, 1460));
      assertEquals("established", server(ACK, 1, 1461 + i * 1460, 65535, 0));
    }
    assertEquals("established", client(ACK | PSH, 1, 1, 257, 1460));
    assertEquals("established", server(ACK, 1, 67161, 65535, 0));
  }

  @Test
  void shouldTakeAnInexactResetOnceTheConnectionIsClosing() {
    handshake();
    server(ACK, 1, 1, 65535, 1000);
    client(ACK | PSH, 1, 1001, 65535, 1000);
    assertEquals("fin-wait", server(FIN | ACK, 1001, 1001, 65535, 0));
    assertEquals("close-wait", client(ACK, 1001, 1002, 65535, 0));
    assertEquals("closed", client(RST | ACK, 1001, 1002, 65535, 0));
    assertEquals("closed", server(RST, 501, 0, 0, 0));
  }

  @Test
  void shouldKeepAnEstablishedConnectionAgainstResetsThatAreNotExact() {
    handshake();
    server(ACK, 1, 1, 65535, 3000);
    client(ACK, 1, 3001, 65535, 0);
    assertEquals(OUT, server(RST, 0, 0, 0, 0));
    assertEquals(OUT, server(RST, 1_000_000, 0, 0, 0));
    assertEquals(OUT, server(RST, 42, 0, 0, 0));
    assertEquals("established", client(ACK | PSH, 1, 3001, 65535, 1000));
    assertEquals("established", server(ACK, 3001, 1001, 65535, 0));
    assertEquals(OUT, server(RST | ACK, 3000, 1001, 0, 0));
    assertEquals("established", server(RST, 3100, 0, 0, 0));
    assertEquals("closed", server(RST | ACK, 3001, 1001, 0, 0));
  }

  @Test
  void shouldPassTheChallengeOfAServerInAnOlderConnection() {
    assertEquals("new", client(SYN, 0, 0, 65535, 0));
    assertEquals("new", server(ACK, 145_824_453, 643_160_523, 240, 0));
    assertEquals("new", client(RST, 643_160_523, 0, 0, 0));
    assertEquals("new", client(SYN, 0, 0, 65535, 0));
    assertEquals("opening", server(SYN | ACK, 0, 1, 250, 0));
    assertEquals("established", client(ACK, 1, 1, 256, 0));
  }

  @Test
  void shouldDropTheAnswerToAnOlderSyn() {
    assertEquals("new", client(SYN, 0, 0, 65535, 0));
    assertEquals(OUT, server(SYN | ACK, 145_824_453, 643_160_523, 240, 0));
    assertEquals("new", client(SYN, 0, 0, 65535, 0));
    assertEquals("opening", server(SYN | ACK, 145_758_918, 1, 250, 0));
    assertEquals("established", client(ACK | PSH, 1, 145_758_919, 256, 1));
  }

  @Test
  void shouldLetAServerChallengeASynInALiveConnection() {
    handshake();
    client(ACK | PSH, 1, 1, 257, 100);
    server(ACK, 1, 101, 256, 0);
    assertEquals("established", client(SYN, 2000, 0, 32792, 0));
    assertEquals("established", server(ACK, 1, 101, 256, 0));
    assertEquals("closed", client(RST | ACK, 101, 1, 257, 0));
    assertEquals("new", client(SYN, 2000, 0, 32792, 0));
    assertEquals("opening", server(SYN | ACK, 9999, 2001, 32792, 0));
  }

  @Test
  void shouldFollowAServerThatHasLostTheConnectionAndAnswersTheNewSyn() {
    handshake();
    client(ACK, 1, 1, 65535, 100);
    assertEquals("established", client(SYN, 500_000, 0, 65535, 0));
    assertEquals("established", server(SYN | ACK, 3_000_000, 500_001, 65535, 0));
    assertEquals("established", client(ACK, 500_001, 3_000_001, 65535, 100));
    assertEquals("established", server(ACK, 3_000_001, 500_101, 65535, 0));
    assertEquals(OUT, client(ACK, 570_101, 3_000_001, 65535, 0));
  }

  @Test
  void shouldCloseWhenTheServerRefusesASynInALiveConnection() {
    handshake();
    client(SYN, 500_000, 0, 65535, 0);
    assertEquals("closed", server(RST | ACK, -serverIsn, 500_001, 0, 0));
  }

  // ---- SYN flood

  private static final String HALF_OPEN = "limits: {halfOpen: 64}\n  ";

  private void flood(int packets) {
    for (int i = 0; i < packets; i++) {
      net.timeNs += 1000;
      byte[] syn =
          Packets.tcp(
              "198.18." + i / 250 + "." + i % 250,
              i,
              "192.0.2.1",
              80,
              SYN,
              i,
              0,
              1024,
              NO_OPTIONS,
              0);
      net.in("lan", syn);
    }
  }

  @Test
  void shouldLetARealClientInDuringASynFlood() {
    net = new Network(Network.STRICT.replace("policy: p", HALF_OPEN + "policy: p"), 1, 1);
    flood(2000);
    assertEquals("new", client(SYN, 0, 0, 65535, 0));
    flood(20);
    assertEquals("opening", server(SYN | ACK, 0, 1, 65535, 0));
    assertEquals("established", client(ACK, 1, 1, 65535, 0));
    flood(2000);
    assertEquals("established", client(ACK | PSH, 1, 1, 65535, 100));
    assertTrue(flows().halfOpen() <= 64, flows().halfOpen() + " half open");
    assertEquals(flows().created() - flows().size(), flows().ended(EndReason.EVICTED));
  }

  @Test
  void shouldDropNewConnectionsDuringASynFloodWhereTheSettingsSaySo() {
    String limits = "limits: {halfOpen: 64, halfOpenFull: drop-new}\n  ";
    net = new Network(Network.STRICT.replace("policy: p", limits + "policy: p"), 1, 1);
    flood(2000);
    assertEquals("half-open-limit", client(SYN, 0, 0, 65535, 0));
    assertEquals(64, flows().halfOpen());
    net.timeNs += 241_000_000_000L;
    assertEquals("new", client(SYN, 0, 0, 65535, 0));

    String pass = limits + "exceptions: {halfOpenLimit: pass}\n  ";
    net = new Network(Network.STRICT.replace("policy: p", pass + "policy: p"), 1, 1);
    flood(2000);
    handshake();
    assertEquals(2000, flows().halfOpen());
  }

  // ---- mid-stream

  @Test
  void shouldLearnTheWindowsOfAConnectionThatIsPickedUpMidStream() {
    net = new Network(Network.STRICT.replace("policy: p", MIDSTREAM + "policy: p"), 1, 1);
    assertEquals("established", server(ACK, 5000, 700, 300, 1000));
    assertEquals("established", client(ACK, 700, 6000, 300, 0));
    assertEquals("established", server(ACK, 900_000, 700, 300, 1000));
    assertEquals("established", server(RST, 123, 0, 0, 0));
    assertEquals("established", client(ACK, 700, 901_000, 300, 0));
    assertEquals("fin-wait", server(FIN | ACK, 901_000, 700, 300, 0));
    assertEquals("close-wait", client(ACK, 700, 901_001, 300, 0));
  }

  private static final String MIDSTREAM = "exceptions: {midstream: pass}\n  ";

  // ---- options

  @Test
  void shouldReadDamagedOptionsToTheirEndAndNoFurther() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < 3000; i++) {
      byte[] options = new byte[random.nextInt(41)];
      random.nextBytes(options);
      for (int j = 0; j < options.length; j++) {
        options[j] = random.nextBoolean() ? (byte) (options[j] & 7) : options[j];
      }
      net = i % 100 == 0 ? new Network(Network.STRICT, 1, 1) : net;
      client(SYN, i, 0, 65535, 0, options);
      server(SYN | ACK, 0, i + 1, 65535, 0, options);
      assertNotEquals("stage-failed", client(ACK, i + 1, 1, 65535, 0, options), "seed " + seed);
    }
  }

  // ---- batches

  @Test
  void shouldTreatABatchAsItsSegmentsOneByOne() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int[] flags = {SYN, SYN | ACK, ACK, ACK, ACK, ACK | PSH, FIN | ACK, RST, RST | ACK};
    Network one = new Network(Network.STRICT, 1, 1);
    Network all = new Network(Network.STRICT, 1, 1);
    for (int round = 0; round < 300; round++) {
      one.timeNs = all.timeNs += random.nextLong(4_000_000_000L);
      List<byte[]> packets = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        boolean fromClient = random.nextBoolean();
        packets.add(
            Packets.tcp(
                fromClient ? "10.0.0.9" : "192.0.2.1",
                fromClient ? 4000 : 80,
                fromClient ? "192.0.2.1" : "10.0.0.9",
                fromClient ? 80 : 4000,
                flags[random.nextInt(flags.length)],
                random.nextInt(4),
                random.nextInt(4),
                random.nextInt(3),
                NO_OPTIONS,
                random.nextInt(2)));
      }
      List<String> expected = new ArrayList<>();
      for (byte[] packet : packets) {
        Network.Out it = one.in("lan", packet.clone());
        expected.add(it.number() + " " + it.why() + " " + it.trace());
      }
      List<String> actual =
          all.in("lan", packets).stream()
              .map(it -> it.number() + " " + it.why() + " " + it.trace())
              .toList();
      assertEquals(expected, actual, "seed " + seed);
    }
    net = one;
    assertTrue(flows().ended(EndReason.REPLACED) > 10, "connections were closed and opened anew");
  }

  // ---- the other protocols

  @Test
  void shouldForgetUdpSoonUntilItIsAnswered() {
    byte[] request = Packets.udp("10.0.0.9", 5, "192.0.2.1", 53);
    byte[] answer = Packets.udp("192.0.2.1", 53, "10.0.0.9", 5);
    assertEquals("new", said("lan", request.clone()));
    net.timeNs += 31_000_000_000L;
    assertEquals("new", said("wan", answer.clone()), "a flow of its own");
    assertEquals("established", said("lan", request.clone()));
    net.timeNs += 299_000_000_000L;
    assertEquals("established", said("lan", request.clone()));
    net.timeNs += 301_000_000_000L;
    assertEquals("new", said("lan", request.clone()));
  }

  @Test
  void shouldTellThePingsOfTwoHostsApartThatUseOneIdentifier() {
    assertEquals("icmp", said("lan", Packets.echo("10.0.0.9", "192.0.2.1", false, 7)));
    assertEquals("out-of-state", said("lan", Packets.echo("10.0.0.9", "192.0.2.1", true, 7)));
    assertEquals("icmp", said("wan", Packets.echo("192.0.2.1", "10.0.0.9", false, 7)));
    assertEquals("icmp", said("lan", Packets.echo("10.0.0.9", "192.0.2.1", true, 7)));
    assertEquals("icmp", said("wan", Packets.echo("192.0.2.1", "10.0.0.9", true, 7)));
    assertEquals("out-of-state", said("wan", Packets.echo("192.0.2.1", "10.0.0.9", true, 8)));
    assertEquals(2, flows().size());
  }

  @Test
  void shouldEndAllFlowsAtTheEndOfTime() {
    handshake();
    said("lan", Packets.udp("10.0.0.9", 5, "192.0.2.1", 53));
    said("lan", Packets.packet("10.0.0.9", "192.0.2.1", 47, new byte[8]));
    assertEquals(3, flows().size());
    net.workers.getFirst().shards().getFirst().pipeline().tick(Long.MAX_VALUE / 2, 0);
    assertEquals(0, flows().size());
    assertEquals(3, flows().ended(EndReason.TIMEOUT));
  }
}
