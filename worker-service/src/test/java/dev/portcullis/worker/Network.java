package dev.portcullis.worker;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.elastic.ControlMessage.Commit;
import dev.portcullis.core.elastic.ControlMessage.Order;
import dev.portcullis.core.elastic.ControlMessage.Prepare;
import dev.portcullis.core.elastic.ControlMessage.Retire;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.elastic.Members;
import dev.portcullis.core.event.EventSink;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.ModuleLinks;
import dev.portcullis.core.link.Outlet;
import dev.portcullis.core.management.ChangeWire;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.policy.ConfigLoader;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.process.FlowFilter;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.pipeline.Shard;
import dev.portcullis.worker.pipeline.ShardChange;
import dev.portcullis.worker.stage.Outlets;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Workers without links or threads: what they send is delivered in the order of sending, until
 * nothing is under way.
 */
final class Network {

  /** What left the gateway, or what became of a frame. */
  record Out(
      boolean outcome,
      long number,
      int tag,
      byte[] data,
      int reason,
      String trace,
      byte[] l2,
      int linkType,
      int flags,
      int pieces,
      int frameLength,
      int segmentLength) {
    int l2Length() {
      return l2.length;
    }

    DropReason why() {
      return DropReason.byId(reason);
    }

    boolean held() {
      return (flags & PacketFlags.HELD) != 0;
    }

    boolean joined() {
      return (flags & PacketFlags.JOINED) != 0;
    }
  }

  final Topology topology;
  final List<Worker> workers = new ArrayList<>();
  final List<Out> out = new ArrayList<>();

  /** Events that workers gave to their log, with {@link #logging} only. */
  final List<String> events = new ArrayList<>();

  /** Messages that workers sent to each other, in the order of sending. */
  final List<byte[]> messages = new ArrayList<>();

  private DistributionTable table;
  private DistributionTable next;
  private int done;
  private final GatewayConfig config;
  private final int shards;
  private final Map<Integer, Wards> wards = new HashMap<>();
  private final Map<Integer, Long> generations = new HashMap<>();
  private final Deque<Runnable> tasks = new ArrayDeque<>();
  private final Map<Integer, List<Runnable>> stalled = new HashMap<>();
  private final PacketHeader header = new PacketHeader();
  private final FlowKey key = new FlowKey();
  private long number;
  long timeNs = 1_000_000_000L;

  /** What comes in has no transport checksum yet; above 0, it is to be cut into packets so long. */
  int segmentLength = -1;

  /** Link-layer header of what comes in on an inline pair. */
  byte[] l2 = new byte[14];

  Network(String yaml, int workerCount, int shards) {
    this(load(yaml), workerCount, shards);
  }

  Network(GatewayConfig config, int workerCount, int shards) {
    this(config, workerCount, shards, false);
  }

  /** Workers that give events to a log. */
  static Network logging(String yaml, int workerCount, int shards) {
    return new Network(load(yaml), workerCount, shards, true);
  }

  private Network(GatewayConfig config, int workerCount, int shards, boolean logging) {
    EventSink log = logging ? line -> events.add(line.toString()) : EventSink.NONE;
    this.config = config;
    topology = Topology.of(config.gateway());
    this.shards = shards;
    List<Member> members = new ArrayList<>();
    for (int i = 0; i < workerCount; i++) {
      members.add(new Member(i, 1, "127.0.0.1", 1 + i, shards));
      Worker worker = new Worker(ModuleId.worker(i), config, topology, shards, log);
      worker.start(new LocalWiring(i));
      workers.add(worker);
    }
    table = DistributionTable.of(config.gateway(), 1, 0, members);
    next = table;
    workers.forEach(it -> it.onTable(table));
    run();
  }

  static GatewayConfig load(String yaml) {
    var result = ConfigLoader.parse("test.yaml", yaml);
    return Objects.requireNonNull(result.config(), () -> String.valueOf(result.faults()));
  }

  private class LocalWiring implements Wiring {
    private final ModuleId self;
    private final int[] epochs = new int[shards];

    LocalWiring(int number) {
      self = ModuleId.worker(number);
    }

    @Override
    public void epoch(int shard, int epoch) {
      epochs[shard] = epoch;
    }

    /** What is sent is handled before what is sent later: nobody waits for that. */
    @Override
    public void watch(int shard, ModuleLinks.@Nullable Acknowledged it) {}

    @Override
    public void execute(int shard, Runnable task) {
      add(self.number(), task);
    }

    @Override
    public Outlets outlets(int shard) {
      return (destination, lane) ->
          new Outlet() {
            @Override
            public boolean offer(PacketBatch batch, int i) {
              deliver(self, epochs[shard], destination, lane, batch, i);
              return true;
            }

            @Override
            public void flush() {}

            @Override
            public long pendingBytes() {
              return 0;
            }

            @Override
            public ModuleId destination() {
              return destination;
            }
          };
    }

    @Override
    public long generation() {
      return generations.getOrDefault(self.number(), 1L);
    }

    @Override
    public void afterBatches(int shard, Runnable task) {
      add(self.number(), task);
    }
  }

  private void add(int worker, Runnable task) {
    List<Runnable> waiting = stalled.get(worker);
    if (waiting == null) {
      tasks.add(task);
    } else {
      waiting.add(task);
    }
  }

  /** A worker stands still: what others tell it waits. */
  void stall(int worker) {
    stalled.put(worker, new ArrayList<>());
  }

  /** A worker goes on. */
  void goOn(int worker) {
    tasks.addAll(Objects.requireNonNull(stalled.remove(worker)));
    run();
  }

  private void deliver(
      ModuleId source, int epoch, ModuleId destination, int lane, PacketBatch batch, int i) {
    byte[] data =
        Arrays.copyOfRange(
            batch.bytes, batch.dataOffset[i], batch.dataOffset[i] + batch.dataLength[i]);
    byte[] l2 =
        Arrays.copyOfRange(batch.bytes, batch.l2Offset[i], batch.l2Offset[i] + batch.l2Length[i]);
    String trace =
        new String(
            batch.traceBytes, batch.traceOffset[i], batch.traceLength[i], StandardCharsets.UTF_8);
    if (destination.kind() == ModuleId.Kind.IO) {
      boolean outcome = (batch.flags[i] & PacketFlags.OUTCOME) != 0;
      out.add(
          new Out(
              outcome,
              batch.number[i],
              batch.tag[i],
              data,
              batch.reason[i],
              trace,
              l2,
              batch.linkType[i],
              batch.flags[i],
              batch.pieces[i],
              batch.frameLength[i],
              batch.segmentLength[i]));
      return;
    }
    if ((batch.flags[i] & PacketFlags.MESSAGE) != 0) {
      messages.add(data);
    }
    PacketBatch copy = new PacketBatch(0);
    row(copy, 0, data, l2);
    copy.reason[0] = batch.reason[i];
    copy.pieces[0] = batch.pieces[i];
    copy.frameLength[0] = batch.frameLength[i];
    copy.segmentLength[0] = batch.segmentLength[i];
    copy.captureTimeNs[0] = batch.captureTimeNs[i];
    copy.number[0] = batch.number[i];
    copy.vHigh[0] = batch.vHigh[i];
    copy.vLow[0] = batch.vLow[i];
    copy.trafficClass[0] = batch.trafficClass[i];
    copy.flags[0] = batch.flags[i];
    copy.ingressTag[0] = batch.ingressTag[i];
    copy.tag[0] = batch.tag[i];
    copy.linkType[0] = batch.linkType[i];
    copy.traceBytes = trace.getBytes(StandardCharsets.UTF_8);
    copy.traceLength[0] = copy.traceBytes.length;
    int number = destination.number();
    add(number, () -> workers.get(number).onBatch(lane, source, epoch, copy));
  }

  private static void row(PacketBatch batch, int i, byte[] data, byte[] l2) {
    int l2Length = l2.length;
    int at = Math.max(0, i == 0 ? 0 : batch.dataOffset[i - 1] + batch.dataLength[i - 1]);
    batch.ensureBytes(at + l2Length + data.length);
    batch.l2Offset[i] = at;
    batch.l2Length[i] = l2Length;
    batch.dataOffset[i] = at + l2Length;
    batch.dataLength[i] = data.length;
    System.arraycopy(l2, 0, batch.bytes, at, l2Length);
    System.arraycopy(data, 0, batch.bytes, at + l2Length, data.length);
    batch.count = i + 1;
  }

  /** Another policy for all workers, as management hands it out; the gateway must be the same. */
  void policy(String yaml) {
    GatewayConfig next = load(yaml);
    workers.forEach(it -> it.onPolicy(next));
    run();
  }

  /** A table is on its way to every shard: it comes behind the next packets, before they leave. */
  void tableComes() {
    workers.forEach(it -> it.onTable(table));
  }

  /** A worker begins anew: it knows nothing. */
  void restart(int number) {
    Worker worker = new Worker(ModuleId.worker(number), config, topology, shards);
    worker.start(new LocalWiring(number));
    workers.set(number, worker);
    worker.onTable(table);
    run();
  }

  /** Each worker of the table has the replica of the one before it. */
  void guard() {
    int count = table.workers().size();
    for (int i = 0; i < count; i++) {
      int guardian = i;
      Wards it =
          new Wards(
              1,
              shards,
              shard -> new LocalWiring(guardian).outlets(shard),
              this::passive,
              (worker, generation, full) -> {});
      it.table(table);
      wards.put(i, it);
      workers.get(i).onShards(shard -> shard.guards(it));
    }
    for (int i = 0; i < count; i++) {
      Life guardian = new Life(ModuleId.worker((i + 1) % count), 1, shards);
      workers.get(i).onShards(shard -> shard.onGuard(guardian));
    }
    run();
  }

  private PolicyFollower passive(int number) {
    PolicyFollower it =
        new PolicyFollower(ModuleId.worker(number), config, shards, EventSink.NONE, why -> {});
    it.start(new LocalWiring(number));
    return it;
  }

  /** What the guardian of a worker has of it. */
  Worker replica(int number) {
    int guardian = (number + 1) % table.workers().size();
    return Objects.requireNonNull(Objects.requireNonNull(wards.get(guardian)).ward(number));
  }

  /** A worker is gone at once, and its guardian goes on in its place. */
  void killed(int number) {
    int guardian = (number + 1) % table.workers().size();
    Wards of = Objects.requireNonNull(wards.get(guardian));
    Wiring atOnce =
        new LocalWiring(number) {
          @Override
          public void execute(int shard, Runnable task) {
            task.run();
          }
        };
    workers.set(number, Objects.requireNonNull(of.goOn(number, 1, atOnce)).worker());
    generations.put(number, 2L);
    workers.forEach(it -> it.onShards(shard -> shard.onLife(ModuleId.worker(number), 2)));
    run();
  }

  /** The next table has the first workers only; the others get no more packets. */
  void shrink(int workerCount) {
    List<Member> members = table.workers().subList(0, workerCount);
    table = DistributionTable.of(config.gateway(), table.epoch() + 1, table.epoch(), members);
    workers.forEach(it -> it.onTable(table));
    run();
  }

  /** The next table has as many workers, of those that there are; what changes its owner moves. */
  void scale(int workerCount) {
    prepare(workerCount);
    commit();
    retire();
  }

  /** All workers know the next table, and go on by the present one. */
  void prepare(int workerCount) {
    List<Member> members = new ArrayList<>();
    for (int i = 0; i < workerCount; i++) {
      members.add(new Member(i, 1, "127.0.0.1", 1 + i, shards));
    }
    next = DistributionTable.of(config.gateway(), table.epoch() + 1, table.epoch(), members);
    order(new Prepare(1, members(table), members(next)));
  }

  /** Workers go over to the next table; whoever takes packets in does so when it is said. */
  void commit() {
    order(new Commit(1, next.epoch()));
  }

  /** All works by the next table, and all state is where it belongs. */
  void retire() {
    int shardsOfAll = shards * Math.max(table.workers().size(), next.workers().size());
    if (done != shardsOfAll) {
      throw new AssertionError(done + " of " + shardsOfAll + " shards have all that is theirs");
    }
    order(new Retire(1, next.epoch()));
    table = next;
    workers.forEach(it -> it.onTable(table));
    run();
  }

  private static Members members(DistributionTable it) {
    return new Members(it.epoch(), it.workers().stream().map(ChangeWire::life).toList());
  }

  private void order(Order order) {
    done = 0;
    ShardChange.Reports reports =
        new ShardChange.Reports() {
          @Override
          public void prepared(int shard, int epoch, boolean copied) {}

          @Override
          public void done(int shard, int epoch) {
            done++;
          }

          @Override
          public void missing(int epoch, ModuleId member) {}
        };
    for (int i = 0; i < Math.max(table.workers().size(), next.workers().size()); i++) {
      workers.get(i).onOrder(order, table, next, reports);
    }
    run();
  }

  /** A message comes to the first shard of a worker. */
  void message(int number, byte[] data) {
    PacketBatch batch = new PacketBatch(0);
    row(batch, 0, data, new byte[0]);
    batch.flags[0] = PacketFlags.MESSAGE;
    batch.captureTimeNs[0] = timeNs;
    workers.get(number).onBatch(0, ModuleId.worker(0), 1, batch);
    run();
  }

  /** What the rules of this name have counted at all workers. */
  long counted(String rule, int what) {
    long sum = 0;
    for (Worker worker : workers) {
      for (Shard it : worker.shards()) {
        sum += it.pipeline().rules().get(rule, what);
      }
    }
    return sum;
  }

  private void run() {
    for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
      task.run();
    }
  }

  /** Ends flows of all workers and returns how many there were. */
  long clear(FlowFilter filter) {
    List<CompletableFuture<Long>> cleared = workers.stream().map(it -> it.clear(filter)).toList();
    run();
    return cleared.stream().mapToLong(CompletableFuture::join).sum();
  }

  /** Frames that workers keep. */
  long held() {
    return workers.stream().flatMap(it -> it.shards().stream()).mapToLong(Shard::held).sum();
  }

  int tag(String port) {
    return topology.ofPort(port).getFirst().tag();
  }

  /**
   * Takes one packet in at a port, and returns what became of it; what left is in {@link #left}.
   */
  Out in(String port, byte[] packet) {
    List<Out> outcomes = in(port, List.of(packet));
    long own = number;
    return outcomes.stream().filter(it -> it.number() == own).findFirst().orElseThrow();
  }

  /**
   * Takes packets in at a port, all of one worker and shard in one batch each; returns the outcomes
   * in order of number.
   */
  List<Out> in(String port, List<byte[]> packets) {
    out.clear();
    PacketBatch[][] batches = new PacketBatch[workers.size()][shards];
    for (byte[] packet : packets) {
      header.parse(packet, 0, packet.length);
      int owner = table.assign(header, key);
      int lane = Lanes.shardOf(key.vHigh, key.vLow, shards);
      if (batches[owner][lane] == null) {
        batches[owner][lane] = new PacketBatch(0);
      }
      PacketBatch batch = batches[owner][lane];
      int i = batch.count;
      row(batch, i, packet, config.gateway().inline().isEmpty() ? new byte[0] : l2);
      batch.linkType[i] = 1;
      batch.captureTimeNs[i] = timeNs;
      batch.number[i] = ++number;
      batch.vHigh[i] = key.vHigh;
      batch.vLow[i] = key.vLow;
      batch.trafficClass[i] = key.trafficClass;
      batch.flags[i] = PacketFlags.REPORT | PacketFlags.TRACE;
      if (segmentLength >= 0) {
        batch.flags[i] |= PacketFlags.CHECKSUM_MISSING;
        batch.segmentLength[i] = segmentLength;
      }
      batch.ingressTag[i] = tag(port);
      batch.tag[i] = tag(port);
    }
    for (int a = 0; a < batches.length; a++) {
      for (int lane = 0; lane < shards; lane++) {
        if (batches[a][lane] != null) {
          PacketBatch batch = batches[a][lane];
          batch.traceBytes = batch.bytes;
          workers.get(a).onBatch(lane, ModuleId.io(0), table.epoch(), batch);
        }
      }
    }
    run();
    return out.stream()
        .filter(Out::outcome)
        .sorted(java.util.Comparator.comparingLong(Out::number))
        .toList();
  }

  /** Time passes: every lane of every worker learns what time it is; see {@link #timeNs}. */
  void tick() {
    tick(timeNs);
  }

  /** Every lane of every worker learns that time has come to {@code nowNs}. */
  void tick(long nowNs) {
    out.clear();
    for (Worker worker : workers) {
      for (int lane = 0; lane < shards; lane++) {
        PacketBatch batch = new PacketBatch(0);
        batch.clearRow(0);
        batch.count = 1;
        batch.flags[0] = PacketFlags.TICK;
        batch.captureTimeNs[0] = nowNs;
        worker.onBatch(lane, ModuleId.io(0), 1, batch);
      }
    }
    run();
  }

  /** What became of a packet, in words: {@code forward}, {@code held}, {@code drop REASON}. */
  String verdict(Out outcome) {
    if ((outcome.flags() & PacketFlags.HELD) != 0) {
      return "held";
    }
    if ((outcome.flags() & PacketFlags.JOINED) != 0) {
      return "joined";
    }
    return outcome.why() == DropReason.NONE ? "forward" : "drop " + outcome.why().label();
  }

  List<Out> packetsOut() {
    return out.stream().filter(it -> !it.outcome()).toList();
  }

  /** The only packet that left. */
  byte[] left() {
    if (packetsOut().size() != 1) {
      throw new AssertionError(packetsOut().size() + " packets left");
    }
    return packetsOut().getFirst().data();
  }

  /** Events of a type that workers gave to their log since the last call. */
  List<String> told(String type) {
    List<String> told =
        events.stream().filter(it -> it.contains("\"event_type\":\"" + type + "\"")).toList();
    events.removeAll(told);
    return told;
  }

  /** Events that were more than the configuration allows. */
  long eventsSuppressed() {
    return workers.stream()
        .flatMap(it -> it.shards().stream())
        .mapToLong(Shard::eventsSuppressed)
        .sum();
  }

  /** Packets that workers made themselves. */
  long originated() {
    return workers.stream()
        .flatMap(it -> it.shards().stream())
        .mapToLong(it -> it.originated())
        .sum();
  }

  /** Errors that were not made because there were too many. */
  long suppressed() {
    return workers.stream()
        .flatMap(it -> it.shards().stream())
        .mapToLong(it -> it.errorsSuppressed())
        .sum();
  }

  /** Received less forwarded, dropped, passed and held: 0 when everything is accounted for. */
  long unaccounted() {
    long sum = 0;
    for (Worker worker : workers) {
      for (Shard it : worker.shards()) {
        sum +=
            it.received()
                + it.passedIn()
                - it.forwarded()
                - it.passedOut()
                - it.dropped()
                - it.held();
      }
    }
    return sum;
  }

  static final String BRANCH =
      """
      apiVersion: portcullis.dev/v1alpha1
      kind: PacketGateway
      metadata: {name: branch}
      spec:
        workers: {replicas: 16}
        distribution: {algorithm: ALGORITHM}
        path: PATHMODE
        io:
          - {name: io-a, ports: [{name: lan, zone: lan, driver: pcap, addresses: [10.0.0.1/8]}]}
          - {name: io-b, ports: [{name: wan, zone: wan, driver: pcap, addresses: [203.0.113.1/24]}]}
        routes:
          - {to: 0.0.0.0/0, port: wan}
          - {to: 10.0.0.0/8, port: lan}
        policy: p
      ---
      apiVersion: portcullis.dev/v1alpha1
      kind: GatewayPolicy
      metadata: {name: p}
      spec:
        defaultAction: drop
        addresses: [{name: office, cidrs: [10.0.0.0/8]}]
        rules:
          - {name: no-telnet, from: [lan], services: [{tcp: [23]}], action: reject}
          - {name: allow-out, from: [lan], to: [wan], source: [office], action: accept}
          - {name: allow-www, from: [wan], to: [lan], destination: [10.0.0.5/32], services: [{tcp: [8080]}], action: accept}
        nat:
          source: [{name: out, from: lan, to: wan, source: [office], translateTo: {addresses: [203.0.113.10], ports: 1024-65535}}]
          destination: [{name: www, from: wan, destination: 203.0.113.10, service: {tcp: 80}, translateTo: {address: 10.0.0.5, port: 8080}}]
      """;

  static String branch(String algorithm, String pathMode) {
    return BRANCH.replace("ALGORITHM", algorithm).replace("PATHMODE", pathMode);
  }

  /** An inline pair that accepts all, with every exception as it is by default: mostly drop. */
  static final String STRICT =
      """
      apiVersion: portcullis.dev/v1alpha1
      kind: PacketGateway
      metadata: {name: strict}
      spec:
        workers: {replicas: 16}
        io:
          - {name: io-a, ports: [{name: lan, zone: lan, driver: pcap}]}
          - {name: io-b, ports: [{name: wan, zone: wan, driver: pcap}]}
        inline: [{name: bump, ports: [lan, wan]}]
        policy: p
      ---
      apiVersion: portcullis.dev/v1alpha1
      kind: GatewayPolicy
      metadata: {name: p}
      spec: {defaultAction: accept}
      """;

  static final String TRANSPARENT =
      """
      apiVersion: portcullis.dev/v1alpha1
      kind: PacketGateway
      metadata: {name: bump}
      spec:
        workers: {replicas: 16}
        distribution: {algorithm: ip-source}
        io:
          - {name: io-a, ports: [{name: lan, zone: lan, driver: pcap}]}
          - {name: io-b, ports: [{name: wan, zone: wan, driver: pcap}]}
        inline: [{name: bump, ports: [lan, wan]}]
        exceptions: {badChecksum: pass, malformed: pass, midstream: pass, outOfState: pass, flowTableFull: pass, fragmentLimit: pass, fragmentTimeout: pass, fragmentOverlap: pass, unknownLinkType: pass, nonIp: pass, martian: pass, land: pass, sourceRouted: pass, icmpUnrelated: pass}
        policy: p
      ---
      apiVersion: portcullis.dev/v1alpha1
      kind: GatewayPolicy
      metadata: {name: p}
      spec: {defaultAction: accept}
      """;
}
