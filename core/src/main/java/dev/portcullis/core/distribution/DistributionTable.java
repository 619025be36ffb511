package dev.portcullis.core.distribution;

import static java.util.Objects.requireNonNull;

import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.policy.GatewaySpec.Algorithm;
import dev.portcullis.core.policy.GatewaySpec.Pool;
import dev.portcullis.core.policy.GatewaySpec.TrafficClass;
import dev.portcullis.core.policy.expression.HeaderFields;
import dev.portcullis.core.policy.expression.PassExpression;
import dev.portcullis.core.wire.PacketHeader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which worker owns a packet: {@code owner = slots[V mod slots.length]}, with algorithm, pool and
 * slots per traffic class. One pure function for IO modules, workers and the simulator (patent:
 * claims 1 to 7, 16 to 19, 30 to 33, 38).
 *
 * <ul>
 *   <li>The traffic class comes from the port numbers, either side, so a reply has the class of its
 *       request. Where both ports belong to a class, the class that the configuration lists first
 *       wins. Fragments, and packets without ports, are of class {@code default}. What only the
 *       payload tells ({@code detect}) is not known here: workers find it out and move the flow.
 *   <li>V is an unsigned 128-bit number. The sums are of the addresses as unsigned numbers (IPv4:
 *       32 bits, so the sum has up to 33), modulo 2^128. Hashes fill the lower 64 bits.
 *   <li>{@code expression}: the value of the expression as an unsigned number of 64 bits; where it
 *       fails, the sum.
 *   <li>{@code least-loaded}: the sum leads to the worker that chooses; the worker that it chose is
 *       the owner of a <em>pin</em> ({@link #PINNED}).
 *   <li>A packet without readable addresses has V = 0 and class 0.
 *   <li>The slots of a pool are the identification numbers of its workers in ascending order (the
 *       patent's mapping table; for workers 0 to N-1 the identity), except {@code consistent},
 *       whose slots are a Maglev table. A worker belongs to the pool whose range {@code base ..
 *       base + replicas - 1} has its number, else to {@code default}. A pool that has no worker in
 *       the table is served by {@code default}, so every slot has a worker.
 * </ul>
 *
 * <p>Nothing is allocated per packet. Immutable; any thread.
 */
public final class DistributionTable {

  /** Name of the class and of the pool that take what no other takes. */
  public static final String DEFAULT = "default";

  /**
   * Number of traffic classes there can be, {@code default} included: a port's class is kept in a
   * byte.
   */
  public static final int MAX_CLASSES = 128;

  /**
   * In a traffic class: the key is a pin. The owner by {@code least-loaded} has chosen a worker for
   * a flow; the lower half of V is the slot that it chose, the upper half tells flows apart.
   */
  public static final int PINNED = 0x80;

  private final int epoch;
  private final int previousEpoch;
  private final List<Member> workers;
  private final List<String> classNames;
  private final Assignment[] classes;
  private final byte @Nullable [] classOfTcpPort;
  private final byte @Nullable [] classOfUdpPort;

  private DistributionTable(
      int epoch,
      int previousEpoch,
      List<Member> workers,
      List<String> classNames,
      Assignment[] classes,
      byte @Nullable [] classOfTcpPort,
      byte @Nullable [] classOfUdpPort) {
    this.epoch = epoch;
    this.previousEpoch = previousEpoch;
    this.workers = workers;
    this.classNames = List.copyOf(classNames);
    this.classes = classes;
    this.classOfTcpPort = classOfTcpPort;
    this.classOfUdpPort = classOfUdpPort;
  }

  /** How the packets of one class find their slot. */
  private record Assignment(
      Algorithm algorithm,
      long sourceWeight,
      long destinationWeight,
      @Nullable PassExpression expression,
      int[] slots,
      Modulus modulus,
      int[] workersOfPool) {}

  /**
   * Builds the table.
   *
   * @param spec algorithm, classes and pools
   * @param epoch number of this table, from 1
   * @param previousEpoch number of the table before it, 0 where there was none
   * @param workers the workers that take part, in any order; N is the number of those in the
   *     default pool
   * @throws IllegalArgumentException when two workers share a number, the default pool has none, or
   *     a class names a pool that is not there or has neither ports, nor {@code detect}, nor the
   *     name of a protocol of {@link WellKnownPorts}
   */
  public static DistributionTable of(
      GatewaySpec spec, int epoch, int previousEpoch, List<Member> workers) {
    List<Member> sorted = new ArrayList<>(workers);
    sorted.sort(Comparator.comparingInt(Member::number));
    Map<String, int[]> serving = poolMembers(spec, sorted);
    Slots slots = new Slots(serving, ownWorkers(spec, sorted));
    List<TrafficClass> extra = spec.distribution().classes();
    if (extra.size() >= MAX_CLASSES) {
      throw new IllegalArgumentException(
          "spec.distribution.classes lists "
              + extra.size()
              + " classes; up to "
              + (MAX_CLASSES - 1)
              + " are allowed");
    }
    List<String> names = new ArrayList<>();
    Assignment[] classes = new Assignment[extra.size() + 1];
    names.add(DEFAULT);
    classes[0] =
        slots.assignment(
            DEFAULT,
            spec.distribution().algorithm(),
            spec.distribution().weights(),
            spec.distribution().value());
    byte @Nullable [] tcp = extra.isEmpty() ? null : new byte[65_536];
    byte @Nullable [] udp = extra.isEmpty() ? null : new byte[65_536];
    for (int i = 0; i < extra.size(); i++) {
      TrafficClass it = extra.get(i);
      names.add(it.name());
      classes[i + 1] = slots.assignment(it.pool(), it.algorithm(), it.weights(), it.value());
      WellKnownPorts.Ports ports = portsOf(it);
      mark(tcp, ports.tcp(), i + 1);
      mark(udp, ports.udp(), i + 1);
    }
    return new DistributionTable(
        epoch, previousEpoch, List.copyOf(sorted), names, classes, tcp, udp);
  }

  private static WellKnownPorts.Ports portsOf(TrafficClass it) {
    if (!it.tcpPorts().isEmpty() || !it.udpPorts().isEmpty()) {
      return new WellKnownPorts.Ports(it.tcpPorts(), it.udpPorts());
    }
    WellKnownPorts.Ports known = WellKnownPorts.of(it.name());
    boolean bare = known.tcp().isEmpty() && known.udp().isEmpty();
    if (bare && it.detect() == GatewaySpec.Protocol.NONE) {
      throw new IllegalArgumentException(
          "class " + it.name() + " lists no ports and is not a protocol with default ports");
    }
    return known;
  }

  private static void mark(byte @Nullable [] classOfPort, List<Integer> ports, int trafficClass) {
    for (int port : ports) {
      if (classOfPort != null && classOfPort[port] == 0) {
        classOfPort[port] = (byte) trafficClass;
      }
    }
  }

  private static Map<String, int[]> poolMembers(GatewaySpec spec, List<Member> sorted) {
    Map<String, List<Integer>> members = new HashMap<>();
    List<Integer> ofDefault = new ArrayList<>();
    members.put(DEFAULT, ofDefault);
    for (Pool pool : spec.pools()) {
      members.put(pool.name(), new ArrayList<>());
    }
    int last = -1;
    for (Member worker : sorted) {
      if (worker.number() == last) {
        throw new IllegalArgumentException("two workers have the number " + last);
      }
      last = worker.number();
      members.computeIfAbsent(poolOf(spec, last), it -> new ArrayList<>()).add(last);
    }
    if (ofDefault.isEmpty()) {
      throw new IllegalArgumentException("a distribution table needs a worker of the default pool");
    }
    Map<String, int[]> numbers = new HashMap<>();
    members.forEach(
        (pool, list) ->
            numbers.put(
                pool,
                (list.isEmpty() ? ofDefault : list)
                    .stream().mapToInt(Integer::intValue).toArray()));
    return numbers;
  }

  /** Workers of each pool but {@code default}, ascending; a pool without any is not in it. */
  private static Map<String, int[]> ownWorkers(GatewaySpec spec, List<Member> sorted) {
    Map<String, int[]> own = new HashMap<>();
    for (Pool pool : spec.pools()) {
      int[] numbers = sorted.stream().mapToInt(Member::number).filter(pool::has).toArray();
      if (numbers.length > 0) {
        own.put(pool.name(), numbers);
      }
    }
    return own;
  }

  /** Returns the name of the pool that worker {@code number} belongs to. */
  public static String poolOf(GatewaySpec spec, int number) {
    for (Pool pool : spec.pools()) {
      if (pool.has(number)) {
        return pool.name();
      }
    }
    return DEFAULT;
  }

  private static PassExpression expression(@Nullable String value) {
    PassExpression.Compiled compiled = PassExpression.compile(value == null ? "" : value);
    if (compiled.expression() == null) {
      throw new IllegalArgumentException("the expression is wrong: " + compiled.problem());
    }
    return compiled.expression();
  }

  /** Builds each pool's slots once per form. */
  private static final class Slots {
    private final Map<String, int[]> numbers;
    private final Map<String, int[]> own;
    private final Map<String, int[]> maglev = new HashMap<>();

    Slots(Map<String, int[]> numbers, Map<String, int[]> own) {
      this.numbers = numbers;
      this.own = own;
    }

    Assignment assignment(
        String pool, Algorithm algorithm, List<Integer> weights, @Nullable String value) {
      int[] members = numbers.get(pool);
      if (members == null) {
        throw new IllegalArgumentException(
            "there is no pool "
                + pool
                + "; there are "
                + numbers.keySet().stream().sorted().toList());
      }
      int[] slots =
          algorithm == Algorithm.CONSISTENT
              ? maglev.computeIfAbsent(pool, it -> Maglev.slots(members))
              : members;
      long w1 = weights.isEmpty() ? 1 : weights.get(0);
      long w2 = weights.size() < 2 ? 1 : weights.get(1);
      return new Assignment(
          algorithm,
          w1,
          w2,
          algorithm == Algorithm.EXPRESSION ? expression(value) : null,
          slots,
          new Modulus(slots.length),
          own.getOrDefault(pool, new int[0]));
    }
  }

  /** Number of this table; a later table has a higher one. */
  public int epoch() {
    return epoch;
  }

  /** Number of the table before this one; 0 where there was none. */
  public int previousEpoch() {
    return previousEpoch;
  }

  /** The workers of all pools, by ascending number. */
  public List<Member> workers() {
    return workers;
  }

  /** Returns the worker with identification number {@code a}, null where the table has none. */
  public @Nullable Member worker(int a) {
    int low = 0;
    int high = workers.size() - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      Member it = workers.get(middle);
      if (it.number() == a) {
        return it;
      }
      if (it.number() < a) {
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return null;
  }

  /** Names of the traffic classes; the index is the class, 0 is {@code default}. */
  public List<String> classNames() {
    return classNames;
  }

  /** Returns the number of slots that V is reduced by for this class: the N of {@code V mod N}. */
  public int slots(int trafficClass) {
    return assignmentOf(trafficClass).slots.length;
  }

  /** Returns A for the assignment number R = {@code slot}: the mapping table. */
  public int slot(int trafficClass, int slot) {
    return assignmentOf(trafficClass).slots[slot];
  }

  /** Returns the algorithm of this class. */
  public Algorithm algorithm(int trafficClass) {
    return assignmentOf(trafficClass).algorithm;
  }

  /**
   * Returns A of the worker that owns a key. A class that this table does not have (a key from
   * another epoch) is treated as {@code default}.
   */
  public int owner(int trafficClass, long vHigh, long vLow) {
    Assignment assignment = assignmentOf(trafficClass);
    if ((trafficClass & PINNED) != 0) {
      return assignment.slots[assignment.modulus.of(0, vLow)];
    }
    return assignment.slots[assignment.modulus.of(vHigh, vLow)];
  }

  /**
   * Whether flows of a class move away from a worker to be where their pool is: it has workers of
   * its own in this table, and {@code worker} is none of them.
   */
  public boolean leadsAway(int trafficClass, int worker) {
    int[] pool = assignmentOf(trafficClass).workersOfPool;
    return pool.length > 0 && Arrays.binarySearch(pool, worker) < 0;
  }

  /**
   * Computes class and V of a packet and returns A of its owner.
   *
   * @param version 4, 6, or 0 where there are no readable addresses (then nothing else is looked
   *     at)
   * @param protocol IP protocol number
   * @param srcHigh upper half of the sender's address, 0 for IPv4
   * @param srcLow lower half of the sender's address
   * @param dstHigh upper half of the receiver's address, 0 for IPv4
   * @param dstLow lower half of the receiver's address
   * @param hasPorts whether the ports may be used: they are there and this is not a fragment
   * @param srcPort 0 to 65535
   * @param dstPort 0 to 65535
   * @param key takes class and V
   */
  public int assign(
      int version,
      int protocol,
      long srcHigh,
      long srcLow,
      long dstHigh,
      long dstLow,
      boolean hasPorts,
      int srcPort,
      int dstPort,
      FlowKey key) {
    if (version == 0) {
      key.set(0, 0, 0);
      return owner(0, 0, 0);
    }
    int trafficClass = hasPorts ? classOf(protocol, srcPort, dstPort) : 0;
    return assignIn(
        trafficClass,
        version,
        protocol,
        srcHigh,
        srcLow,
        dstHigh,
        dstLow,
        hasPorts,
        srcPort,
        dstPort,
        key);
  }

  /**
   * Computes V of a packet whose class is known by other means than its ports, and returns A of its
   * owner; the fields are those of {@link #assign}, the version is 4 or 6.
   */
  public int assignIn(
      int trafficClass,
      int version,
      int protocol,
      long srcHigh,
      long srcLow,
      long dstHigh,
      long dstLow,
      boolean hasPorts,
      int srcPort,
      int dstPort,
      FlowKey key) {
    Assignment it = classes[trafficClass];
    long high = 0;
    long low;
    switch (it.algorithm) {
      case IP_SUM, LEAST_LOADED -> {
        low = srcLow + dstLow;
        high = srcHigh + dstHigh + carry(srcLow, low);
      }
      case EXPRESSION -> {
        HeaderFields fields = key.fields;
        fields.set(version, protocol, srcHigh, srcLow, dstHigh, dstLow, hasPorts, srcPort, dstPort);
        low = requireNonNull(it.expression).v(fields);
        if (fields.failed()) {
          key.failures++;
          low = srcLow + dstLow;
          high = srcHigh + dstHigh + carry(srcLow, low);
        }
      }
      case IP_SOURCE -> {
        low = srcLow;
        high = srcHigh;
      }
      case IP_DESTINATION -> {
        low = dstLow;
        high = dstHigh;
      }
      case IP_SUM_WEIGHTED -> {
        long left = it.sourceWeight * srcLow;
        low = left + it.destinationWeight * dstLow;
        high =
            it.sourceWeight * srcHigh
                + Math.unsignedMultiplyHigh(it.sourceWeight, srcLow)
                + it.destinationWeight * dstHigh
                + Math.unsignedMultiplyHigh(it.destinationWeight, dstLow)
                + carry(left, low);
      }
      default ->
          low =
              hasPorts
                  ? FlowHash.ofTuple(protocol, srcHigh, srcLow, srcPort, dstHigh, dstLow, dstPort)
                  : FlowHash.ofPair(srcHigh, srcLow, dstHigh, dstLow);
    }
    key.set(trafficClass, high, low);
    return it.slots[it.modulus.of(high, low)];
  }

  /** Computes class and V of a parsed packet and returns A of its owner. */
  public int assign(PacketHeader h, FlowKey key) {
    return assign(
        h.hasAddresses ? h.version : 0,
        h.protocol,
        h.sourceHigh,
        h.sourceLow,
        h.destinationHigh,
        h.destinationLow,
        h.hasPorts && !h.fragment,
        h.sourcePort,
        h.destinationPort,
        key);
  }

  /**
   * Computes class and V that the reply to a parsed packet will have, and returns A of the reply's
   * owner.
   */
  public int assignReply(PacketHeader h, FlowKey key) {
    return assign(
        h.hasAddresses ? h.version : 0,
        h.protocol,
        h.destinationHigh,
        h.destinationLow,
        h.sourceHigh,
        h.sourceLow,
        h.hasPorts && !h.fragment,
        h.destinationPort,
        h.sourcePort,
        key);
  }

  private static long carry(long summand, long sum) {
    return Long.compareUnsigned(sum, summand) < 0 ? 1 : 0;
  }

  private Assignment assignmentOf(int trafficClass) {
    int it = trafficClass & ~PINNED;
    return classes[it >= 0 && it < classes.length ? it : 0];
  }

  private int classOf(int protocol, int srcPort, int dstPort) {
    byte[] classOfPort =
        switch (protocol) {
          case PacketHeader.TCP -> classOfTcpPort;
          case PacketHeader.UDP -> classOfUdpPort;
          default -> null;
        };
    if (classOfPort == null) {
      return 0;
    }
    int a = classOfPort[srcPort];
    int b = classOfPort[dstPort];
    return a == 0 ? b : b == 0 ? a : Math.min(a, b);
  }

  /** Returns for example {@code epoch 4, 3 workers}. */
  @Override
  public String toString() {
    return "epoch " + epoch + ", " + workers.size() + " workers";
  }
}
