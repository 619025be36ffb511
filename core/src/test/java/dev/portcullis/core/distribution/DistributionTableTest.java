package dev.portcullis.core.distribution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.portcullis.core.policy.GatewaySpec.Algorithm;
import dev.portcullis.core.policy.GatewaySpec.Pool;
import dev.portcullis.core.policy.GatewaySpec.TrafficClass;
import dev.portcullis.core.wire.PacketHeader;
import java.lang.management.ManagementFactory;
import java.math.BigInteger;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class DistributionTableTest {

  private static final long SEED = Long.getLong("portcullis.seed", 20260801L);
  private static final int TCP = PacketHeader.TCP;
  private static final int UDP = PacketHeader.UDP;
  private static final BigInteger TWO_TO_64 = BigInteger.ONE.shiftLeft(64);
  private static final BigInteger TWO_TO_128 = BigInteger.ONE.shiftLeft(128);

  private final SplittableRandom random = new SplittableRandom(SEED);
  private final FlowKey key = new FlowKey();
  private final FlowKey other = new FlowKey();

  @Test
  void shouldSendV99ToWorker0AndV100ToWorker1OfThreeAsInThePatent() {
    DistributionTable table = Specs.table(Algorithm.IP_SUM, 3);
    assertEquals(0, table.assign(4, TCP, 0, 40, 0, 59, true, 1000, 80, key));
    assertEquals(99, key.vLow);
    assertEquals(1, table.assign(4, TCP, 0, 40, 0, 60, true, 1000, 80, key));
    assertEquals(100, key.vLow);
  }

  @Test
  void shouldAddIpv4AddressesAsUnsignedNumbersWithoutWrapping() {
    DistributionTable table = Specs.table(Algorithm.IP_SUM, 3);
    table.assign(4, TCP, 0, 0xffff_ffffL, 0, 0xffff_fffeL, true, 1, 2, key);
    assertEquals(0x1_ffff_fffdL, key.vLow);
    assertEquals(0, key.vHigh);
  }

  @Test
  void shouldAddIpv6AddressesModulo2To128() {
    DistributionTable table = Specs.table(Algorithm.IP_SUM, 7);
    for (int i = 0; i < 10_000; i++) {
      long a = random.nextLong();
      long b = random.nextLong();
      long c = random.nextLong();
      long d = random.nextLong();
      int owner = table.assign(6, UDP, a, b, c, d, true, 5, 6, key);
      BigInteger v = number(a, b).add(number(c, d)).mod(TWO_TO_128);
      assertEquals(v, number(key.vHigh, key.vLow), this::seed);
      assertEquals(v.mod(BigInteger.valueOf(7)).intValue(), owner, this::seed);
    }
  }

  @Test
  void shouldMultiplyAddressesByWeightsModulo2To128() {
    DistributionTable table = Specs.weighted(3, 1_000_003, 5);
    for (int i = 0; i < 10_000; i++) {
      long a = random.nextLong();
      long b = random.nextLong();
      long c = random.nextLong();
      long d = random.nextLong();
      table.assign(6, UDP, a, b, c, d, true, 5, 6, key);
      BigInteger v =
          number(a, b)
              .multiply(BigInteger.valueOf(3))
              .add(number(c, d).multiply(BigInteger.valueOf(1_000_003)))
              .mod(TWO_TO_128);
      assertEquals(v, number(key.vHigh, key.vLow), this::seed);
    }
  }

  @Test
  void shouldTakeVFromOneAddressAlone() {
    Specs.table(Algorithm.IP_SOURCE, 3).assign(4, TCP, 0, 40, 0, 59, true, 1, 2, key);
    assertEquals(40, key.vLow);
    Specs.table(Algorithm.IP_DESTINATION, 3).assign(4, TCP, 0, 40, 0, 59, true, 1, 2, key);
    assertEquals(59, key.vLow);
  }

  @ParameterizedTest
  @EnumSource(
      value = Algorithm.class,
      names = {"IP_SUM", "FLOW_HASH", "CONSISTENT"})
  void shouldGiveAReplyTheSameKeyUnderASymmetricAlgorithm(Algorithm algorithm) {
    DistributionTable table = Specs.table(algorithm, 5);
    for (int i = 0; i < 10_000; i++) {
      PacketHeader h = randomHeader(i);
      assertEquals(table.assign(h, key), table.assignReply(h, other), this::seed);
      assertEquals(key.vHigh, other.vHigh, this::seed);
      assertEquals(key.vLow, other.vLow, this::seed);
    }
  }

  @Test
  void shouldLeadAReplyToTheOwnerOfTheSwappedTuple() {
    DistributionTable table = Specs.table(Algorithm.IP_SOURCE, 3);
    PacketHeader h = new PacketHeader();
    h.version = 4;
    h.hasAddresses = true;
    h.sourceLow = 40;
    h.destinationLow = 59;
    assertEquals(1, table.assign(h, key));
    assertEquals(2, table.assignReply(h, key));
    assertEquals(59, key.vLow);
  }

  @ParameterizedTest
  @EnumSource(Algorithm.class)
  void shouldAnswerTheSameInEveryModuleThatBuildsTheTable(Algorithm algorithm) {
    DistributionTable one = Specs.table(algorithm, 6);
    DistributionTable two = Specs.table(algorithm, 6);
    for (int i = 0; i < 10_000; i++) {
      PacketHeader h = randomHeader(i);
      assertEquals(one.assign(h, key), two.assign(h, other), this::seed);
      assertEquals(key.vLow, other.vLow, this::seed);
      assertEquals(
          one.owner(key.trafficClass, key.vHigh, key.vLow), two.assign(h, other), this::seed);
    }
  }

  @ParameterizedTest
  @EnumSource(Algorithm.class)
  void shouldHaveALiveWorkerInEverySlot(Algorithm algorithm) {
    for (int n : new int[] {1, 2, 3, 16}) {
      DistributionTable table = Specs.table(algorithm, n);
      for (int slot = 0; slot < table.slots(0); slot++) {
        assertNotNull(table.worker(table.slot(0, slot)));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Algorithm.class)
  void shouldReachEveryWorker(Algorithm algorithm) {
    DistributionTable table = Specs.table(algorithm, 16);
    int[] packets = new int[16];
    for (int i = 0; i < 20_000; i++) {
      packets[table.assign(randomHeader(i), key)]++;
    }
    for (int i = 0; i < 16; i++) {
      assertTrue(
          packets[i] > 900 && packets[i] < 1700,
          "worker " + i + " has " + packets[i] + ", " + seed());
    }
  }

  @Test
  void shouldTellWeightsApart() {
    DistributionTable one = Specs.weighted(1, 2, 5);
    DistributionTable two = Specs.weighted(2, 1, 5);
    int different = 0;
    for (int i = 0; i < 1000; i++) {
      PacketHeader h = randomHeader(i);
      different += one.assign(h, key) == two.assign(h, other) ? 0 : 1;
    }
    assertTrue(different > 700, different + " of 1000 differ, " + seed());
  }

  @Test
  void shouldEqualIpSumWithWeightsOfOne() {
    DistributionTable weighted = Specs.weighted(1, 1, 5);
    DistributionTable sum = Specs.table(Algorithm.IP_SUM, 5);
    for (int i = 0; i < 1000; i++) {
      PacketHeader h = randomHeader(i);
      assertEquals(sum.assign(h, key), weighted.assign(h, other), this::seed);
      assertEquals(key.vLow, other.vLow, this::seed);
    }
  }

  @Test
  void shouldKeepTheFlowsOfIpSumTogetherWithEqualWeightsPrimeToN() {
    DistributionTable weighted = Specs.weighted(7, 7, 5);
    DistributionTable sum = Specs.table(Algorithm.IP_SUM, 5);
    for (int i = 0; i < 1000; i++) {
      PacketHeader h =
          randomHeader(2 * i); // IPv4: 7 * V stays below 2^128, so its remainder is 7 * R
      h.version = 4;
      h.sourceHigh = 0;
      h.destinationHigh = 0;
      h.sourceLow &= 0xffff_ffffL;
      h.destinationLow &= 0xffff_ffffL;
      assertEquals(7 * sum.assign(h, key) % 5, weighted.assign(h, other), this::seed);
    }
  }

  @Test
  void shouldMapAssignmentNumbersToOtherIdentificationNumbers() {
    DistributionTable table =
        DistributionTable.of(
            Specs.spec(Algorithm.IP_SUM, List.of(1, 1), List.of(), List.of()),
            4,
            3,
            Specs.numbered(42, 7, 9));
    assertEquals(7, table.assign(4, TCP, 0, 40, 0, 59, true, 1, 2, key));
    assertEquals(9, table.assign(4, TCP, 0, 40, 0, 60, true, 1, 2, key));
    assertEquals(42, table.assign(4, TCP, 0, 40, 0, 61, true, 1, 2, key));
    assertEquals(3, table.slots(0));
    assertNotNull(table.worker(42));
    assertNull(table.worker(0));
    assertEquals(4, table.epoch());
    assertEquals(3, table.previousEpoch());
  }

  @Test
  void shouldSendAFragmentWhereTheOthersOfItsDatagramGo() {
    DistributionTable table = Specs.table(Algorithm.FLOW_HASH, 16);
    PacketHeader first = randomHeader(0);
    first.fragment = true;
    PacketHeader later = new PacketHeader();
    later.version = first.version;
    later.hasAddresses = true;
    later.sourceHigh = first.sourceHigh;
    later.sourceLow = first.sourceLow;
    later.destinationHigh = first.destinationHigh;
    later.destinationLow = first.destinationLow;
    later.protocol = 59;
    later.fragment = true;
    assertEquals(table.assign(first, key), table.assign(later, other));
    assertEquals(key.vLow, other.vLow);
  }

  @Test
  void shouldTellTheFlowsOfOneAddressPairApartUnderFlowHash() {
    DistributionTable table = Specs.table(Algorithm.FLOW_HASH, 16);
    int[] packets = new int[16];
    for (int port = 1024; port < 1024 + 16_000; port++) {
      packets[table.assign(4, TCP, 0, 0x0a000001, 0, 0x0a000002, true, port, 443, key)]++;
    }
    for (int i = 0; i < 16; i++) {
      assertTrue(packets[i] > 800 && packets[i] < 1200, "worker " + i + " has " + packets[i]);
    }
  }

  @Test
  void shouldTellProtocolsApartUnderFlowHash() {
    DistributionTable table = Specs.table(Algorithm.FLOW_HASH, 16);
    table.assign(4, TCP, 0, 1, 0, 2, true, 53, 53, key);
    table.assign(4, UDP, 0, 1, 0, 2, true, 53, 53, other);
    assertNotEquals(key.vLow, other.vLow);
  }

  @Test
  void shouldMoveFewFlowsFromNToNPlusOneUnderConsistent() {
    DistributionTable before = Specs.table(Algorithm.CONSISTENT, 8);
    DistributionTable after = Specs.table(Algorithm.CONSISTENT, 9);
    int moved = 0;
    for (int i = 0; i < 20_000; i++) {
      PacketHeader h = randomHeader(i);
      moved += before.assign(h, key) == after.assign(h, other) ? 0 : 1;
    }
    assertTrue(moved < 1.5 * 20_000 / 9, moved + " of 20000 moved, " + seed());
  }

  @Test
  void shouldGivePacketsWithoutReadableAddressesVZeroAndTheDefaultClass() {
    key.set(3, 1, 1);
    assertEquals(0, Specs.table(Algorithm.FLOW_HASH, 5).assign(new PacketHeader(), key));
    assertEquals(0, key.vLow);
    assertEquals(0, key.vHigh);
    assertEquals(0, key.trafficClass);
  }

  @Test
  void shouldTellTheClassByThePortOfEitherSide() {
    DistributionTable table = classes(tcp("http", Algorithm.FLOW_HASH, "default", 8000));
    assertEquals(List.of("default", "http"), table.classNames());
    assertEquals(1, classOf(table, TCP, 50_000, 8000, true));
    assertEquals(1, classOf(table, TCP, 8000, 50_000, true));
    assertEquals(0, classOf(table, UDP, 8000, 50_000, true));
    assertEquals(0, classOf(table, TCP, 80, 50_000, true));
  }

  @Test
  void shouldTreatAFragmentAsDefaultClass() {
    assertEquals(
        0, classOf(classes(tcp("http", Algorithm.IP_SUM, "default", 80)), TCP, 80, 80, false));
  }

  @Test
  void shouldPreferTheClassThatIsListedFirstWhenBothPortsHaveOne() {
    DistributionTable table =
        classes(tcp("a", Algorithm.IP_SUM, "default", 1), tcp("b", Algorithm.IP_SUM, "default", 2));
    assertEquals(1, classOf(table, TCP, 2, 1, true));
    assertEquals(1, classOf(table, TCP, 1, 2, true));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http 80",
        "http 8080",
        "smtp 25",
        "smtp 587",
        "pop3 110",
        "imap 143",
        "ftp 21",
        "dns 53",
        "tls 443"
      })
  void shouldKnowThePortsOfAProtocolThatAClassIsNamedAfter(String nameAndPort) {
    String[] parts = nameAndPort.split(" ");
    DistributionTable table = classes(tcp(parts[0], Algorithm.IP_SUM, "default"));
    assertEquals(1, classOf(table, TCP, 50_000, Integer.parseInt(parts[1]), true));
  }

  @Test
  void shouldAddNoClassThatTheConfigurationDoesNotName() {
    assertEquals(
        0, classOf(classes(tcp("http", Algorithm.IP_SUM, "default")), TCP, 50_000, 25, true));
  }

  @Test
  void shouldServeAClassByTheWorkersOfItsPoolAlone() {
    DistributionTable table = pooled(0, 1, 2, 100, 101);
    for (int i = 0; i < 1000; i++) {
      int http = table.assign(4, TCP, 0, i, 0, 1, true, 50_000, 80, key);
      assertEquals(100 + (i + 1) % 2, http);
      int rest = table.assign(4, TCP, 0, i, 0, 1, true, 50_000, 81, key);
      assertEquals((i + 1) % 3, rest);
    }
    assertEquals(3, table.slots(0));
    assertEquals(2, table.slots(1));
  }

  @Test
  void shouldServeAClassByTheDefaultPoolWhileItsOwnHasNoWorker() {
    assertEquals(1, pooled(0, 1, 2).assign(4, TCP, 0, 99, 0, 1, true, 50_000, 80, key));
  }

  @Test
  void shouldTreatAClassThatItDoesNotHaveAsDefault() {
    assertEquals(1, Specs.table(Algorithm.IP_SUM, 3).owner(17, 0, 100));
  }

  @Test
  void shouldRefuseTwoWorkersWithOneNumber() {
    assertThrows(
        IllegalArgumentException.class,
        () ->
            DistributionTable.of(
                Specs.spec(Algorithm.IP_SUM, List.of(), List.of(), List.of()),
                1,
                0,
                Specs.numbered(1, 2, 1)));
  }

  @Test
  void shouldRefuseATableWithoutAWorkerOfTheDefaultPool() {
    assertThrows(IllegalArgumentException.class, () -> pooled(100, 101));
  }

  @Test
  void shouldRefuseAClassThatNamesNoPoolThatIsThere() {
    assertThrows(
        IllegalArgumentException.class,
        () -> classes(tcp("http", Algorithm.IP_SUM, "nowhere", 80)));
  }

  @Test
  void shouldRefuseAClassWithoutPortsThatIsNoKnownProtocol() {
    assertThrows(
        IllegalArgumentException.class, () -> classes(tcp("gopher", Algorithm.IP_SUM, "default")));
  }

  @Test
  void shouldAllocateNothingPerPacket() {
    DistributionTable table =
        classes(
            tcp("http", Algorithm.CONSISTENT, "default"),
            tcp("tls", Algorithm.IP_SUM_WEIGHTED, "default"));
    PacketHeader[] headers = new PacketHeader[64];
    for (int i = 0; i < headers.length; i++) {
      headers[i] = randomHeader(i);
    }
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long thread = Thread.currentThread().threadId();
    assign(table, headers, 20_000);
    long before = threads.getThreadAllocatedBytes(thread);
    assign(table, headers, 20_000);
    long allocated = threads.getThreadAllocatedBytes(thread) - before;
    assertTrue(allocated < 10_000, () -> allocated + " bytes for 1280000 packets");
  }

  private void assign(DistributionTable table, PacketHeader[] headers, int rounds) {
    long sum = 0;
    for (int i = 0; i < rounds; i++) {
      for (PacketHeader h : headers) {
        sum += table.assign(h, key) + table.assignReply(h, key);
      }
    }
    other.vLow = sum;
  }

  private int classOf(
      DistributionTable table, int protocol, int srcPort, int dstPort, boolean hasPorts) {
    table.assign(4, protocol, 0, 1, 0, 2, hasPorts, srcPort, dstPort, key);
    return key.trafficClass;
  }

  private static DistributionTable classes(TrafficClass... classes) {
    return DistributionTable.of(
        Specs.spec(Algorithm.IP_SUM, List.of(), List.of(classes), List.of()),
        1,
        0,
        Specs.workers(3));
  }

  @Test
  void shouldLeadAwayFromWorkersThatAreNotOfThePoolOfAClass() {
    DistributionTable table = pooled(0, 1, 2, 100, 101);
    int http = table.classNames().indexOf("http");
    assertTrue(table.leadsAway(http, 1));
    assertFalse(table.leadsAway(http, 101));
    assertFalse(table.leadsAway(0, 101));
    assertFalse(pooled(0, 1, 2).leadsAway(http, 1), "nobody is there");
  }

  @Test
  void shouldAssignInAClassWhateverThePorts() {
    DistributionTable table = pooled(0, 1, 2, 100, 101);
    int http = table.classNames().indexOf("http");
    FlowKey key = new FlowKey();
    assertEquals(101, table.assignIn(http, 4, 6, 0, 50, 0, 49, true, 1000, 8081, key));
    assertEquals(http, key.trafficClass);
    assertEquals(99, key.vLow);
    assertEquals(0, table.assign(4, 6, 0, 50, 0, 49, true, 1000, 8081, key));
  }

  private static DistributionTable pooled(int... workers) {
    return DistributionTable.of(
        Specs.spec(
            Algorithm.IP_SUM,
            List.of(),
            List.of(tcp("http", Algorithm.IP_SUM, "web", 80)),
            List.of(new Pool("web", 100, 4))),
        1,
        0,
        Specs.numbered(workers));
  }

  private static TrafficClass tcp(String name, Algorithm algorithm, String pool, Integer... ports) {
    return new TrafficClass(name, algorithm, List.of(1, 1), pool, List.of(ports), List.of());
  }

  private PacketHeader randomHeader(int i) {
    PacketHeader h = new PacketHeader();
    h.version = i % 2 == 0 ? 4 : 6;
    h.hasAddresses = true;
    h.protocol = i % 3 == 0 ? UDP : TCP;
    h.hasPorts = i % 5 != 0;
    h.sourceHigh = h.version == 4 ? 0 : random.nextLong();
    h.destinationHigh = h.version == 4 ? 0 : random.nextLong();
    h.sourceLow = h.version == 4 ? random.nextLong() >>> 32 : random.nextLong();
    h.destinationLow = h.version == 4 ? random.nextLong() >>> 32 : random.nextLong();
    h.sourcePort = random.nextInt(65_536);
    h.destinationPort = i % 7 == 0 ? 80 : 443;
    return h;
  }

  private String seed() {
    return "seed " + SEED + " (-Dportcullis.seed)";
  }

  private static BigInteger number(long high, long low) {
    return new BigInteger(Long.toUnsignedString(high))
        .multiply(TWO_TO_64)
        .add(new BigInteger(Long.toUnsignedString(low)));
  }
}
