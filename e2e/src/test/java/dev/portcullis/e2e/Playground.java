package dev.portcullis.e2e;

import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.policy.ConfigLoader;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.process.HostPort;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.standalone.gateway.EmbeddedGateway;
import dev.portcullis.standalone.replay.Incident;
import dev.portcullis.standalone.replay.LinkFeed;
import dev.portcullis.standalone.replay.Replay;
import dev.portcullis.standalone.replay.ReplayPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** A gateway that stays up while captures are played through it, and where captures are found. */
final class Playground implements AutoCloseable {

  static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

  private final GatewaySpec spec;
  private final Topology topology;
  private final DistributionTable table;
  private final LinkFeed feed;
  private final EmbeddedGateway gateway;

  /**
   * Starts the gateway of a configuration with {@code workers} workers of {@code shards} threads.
   */
  Playground(Path yaml, int workers, int shards) throws Exception {
    this(yaml, workers, workers, shards);
  }

  /** Starts a gateway of which {@code most} workers run, and {@code workers} are in the table. */
  Playground(Path yaml, int workers, int most, int shards) throws Exception {
    ConfigLoader.Result result = ConfigLoader.load(List.of(yaml));
    GatewayConfig loaded =
        Objects.requireNonNull(result.config(), () -> result.faults().toString());
    spec = loaded.gateway().withWorkers(new GatewaySpec.Workers(most, workers, shards));
    topology = Topology.of(spec);
    List<Member> members = new ArrayList<>();
    for (int i = 0; i < workers; i++) {
      members.add(new Member(i, 1, "127.0.0.1", 1, shards));
    }
    for (GatewaySpec.Pool pool : spec.pools()) {
      for (int i = 0; i < pool.replicas(); i++) {
        members.add(new Member(pool.base() + i, 1, "127.0.0.1", 1, shards));
      }
    }
    table = DistributionTable.of(spec, 1, 0, members);
    feed = LinkFeed.open(topology, new HostPort("127.0.0.1", 0), LinkSecurity.plaintext());
    gateway =
        EmbeddedGateway.start(
            new GatewayConfig(loaded.name(), spec, loaded.policy()),
            result.source(),
            feed.address());
    if (!feed.awaitModules(TimeUnit.SECONDS.toNanos(30))) {
      throw new IllegalStateException("the IO modules did not connect");
    }
  }

  /** Plays captures; returns what could not be read of them. */
  List<String> play(Path out, Path... captures) throws Exception {
    return replay(out, 0, captures).run();
  }

  /** Prepares a replay at a speed; 0: as fast as it goes. */
  Replay replay(Path out, double speed, Path... captures) throws Exception {
    ReplayPlan plan = new ReplayPlan(List.of(captures), out, "lan", "wan", true, speed);
    return new Replay(feed, topology, table, plan, Playground::noIncident, tally -> {});
  }

  /** Prepares a replay in which the side that sends first comes in at {@code clientPort}. */
  Replay replay(Path out, String clientPort, String serverPort, Path... captures) throws Exception {
    ReplayPlan plan = new ReplayPlan(List.of(captures), out, clientPort, serverPort, true, 0);
    return new Replay(feed, topology, table, plan, Playground::noIncident, tally -> {});
  }

  /** Plays captures, and {@code befalls} what is to happen before some packets. */
  void play(Path out, List<Incident> incidents, Incident.Gateway befalls, Path... captures)
      throws Exception {
    ReplayPlan plan = new ReplayPlan(List.of(captures), out, "lan", "wan", true, 0).with(incidents);
    new Replay(feed, topology, table, plan, befalls, tally -> {}).run();
  }

  /** The table with another number of workers. */
  DistributionTable table(int workers) {
    List<Member> members =
        IntStream.range(0, workers)
            .mapToObj(it -> new Member(it, 1, "127.0.0.1", 1, table.workers().getFirst().shards()))
            .toList();
    return DistributionTable.of(spec, 2, 1, members);
  }

  private static Incident.Event noIncident(Incident it) {
    throw new IllegalStateException("this gateway keeps its workers");
  }

  EmbeddedGateway gateway() {
    return gateway;
  }

  /** The books of the gateway as they are now. */
  Accounts accounts() {
    return Accounts.of(gateway.metrics().readings());
  }

  @Override
  public void close() {
    gateway.close();
    feed.close();
  }

  /**
   * The captures of the repository, and those of the folder that {@code portcullis.shared} names,
   * if it does.
   */
  static List<Path> captures() throws IOException {
    List<Path> all = new ArrayList<>(capturesBelow(ROOT.resolve("examples/captures")));
    String shared = System.getProperty("portcullis.shared");
    if (shared != null) {
      all.addAll(capturesBelow(Path.of(shared, "traffic")));
      all.addAll(capturesBelow(Path.of(shared, "conformance")));
    }
    return all;
  }

  /** So many of the captures, from all over. */
  static List<Path> some(int count) throws IOException {
    List<Path> all = captures();
    List<Path> some = new ArrayList<>();
    for (int i = 0; i < Math.min(count, all.size()); i++) {
      some.add(all.get((int) ((long) i * all.size() / Math.min(count, all.size()))));
    }
    return some;
  }

  /** The captures of a folder. */
  static List<Path> capturesBelow(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(it -> it.toString().matches(".*\\.pcap(ng)?")).sorted().toList();
    }
  }
}
