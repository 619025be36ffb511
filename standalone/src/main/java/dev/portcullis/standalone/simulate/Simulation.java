package dev.portcullis.standalone.simulate;

import dev.portcullis.core.elastic.ControlMessage.Answer;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.elastic.Members;
import dev.portcullis.core.elastic.Replication;
import dev.portcullis.core.elastic.ShardId;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.standalone.simulate.ToyReplicas.Legacy;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One episode: a gateway, its hosts and what happens to it, from a plan. First everything happens;
 * then nothing does any more, and all must come to rest: every change complete, every packet
 * settled.
 */
final class Simulation {

  private static final long TICK_NS = 20 * Clockwork.MS;
  private static final long REST_NS = 60 * Clockwork.SECOND;
  private static final int TRACE = 60;

  private final Plan plan;
  private final Seams seams;
  private final Clockwork clock = new Clockwork();
  private final Ledger ledger = new Ledger(clock);
  private final SplittableRandom network;
  private final Traffic traffic;
  private final Map<ModuleId, ToyModule> modules = new LinkedHashMap<>();
  private final Map<ModuleId, Long> generations = new LinkedHashMap<>();
  private final Map<ModuleId, Long> cutUntilNs = new LinkedHashMap<>();
  private final Map<String, Long> lastNs = new LinkedHashMap<>();
  private final Casualties casualties = new Casualties(this);

  /** Modules that were killed, and the coordinator does not know yet. */
  private final Set<ModuleId> endsUntold = new LinkedHashSet<>();

  private final List<Wire> orphans = new ArrayList<>();
  private final List<ToySwitch> switches = new ArrayList<>();
  private final Map<Members, Table> tables = new IdentityHashMap<>();
  private final @Nullable ArrayDeque<String> trace;
  private List<ModuleId> wanted = List.of();
  private long lastBinding;

  /**
   * Makes an episode.
   *
   * @param traced whether the last things that happened are kept as text
   */
  Simulation(Plan plan, Seams seams, boolean traced) {
    this.plan = plan;
    this.seams = seams;
    trace = traced ? new ArrayDeque<>() : null;
    SplittableRandom random = new SplittableRandom(plan.seed() ^ 0x5eed);
    network = random.split();
    traffic = new Traffic(this, random.split());
  }

  /** What an episode comes to. */
  record Outcome(
      long events,
      long packets,
      long simulatedNs,
      long digest,
      Map<String, Long> dropped,
      @Nullable Violation violation,
      List<String> trace) {}

  /** Runs it to the end, or to the first violation. */
  Outcome run() {
    Violation violation = null;
    try {
      begin();
      runUntil(plan.durationNs());
      rest();
    } catch (Violation e) {
      violation = e;
    } catch (RuntimeException e) {
      violation = new Violation("machine", e.toString());
      violation.initCause(e);
    }
    return new Outcome(
        clock.ran(),
        ledger.received(),
        clock.nowNs(),
        clock.digest(),
        ledger.reasons(),
        violation,
        trace == null ? List.of() : List.copyOf(trace));
  }

  private void begin() {
    List<ModuleId> first = new ArrayList<>(List.of(ModuleId.worker(0)));
    for (int i = 0; i < plan.ios(); i++) {
      first.add(ModuleId.io(i));
    }
    List<Life> lives = new ArrayList<>();
    for (ModuleId it : first) {
      lives.add(start(it).life());
    }
    wanted = first;
    switches.add(new ToySwitch(this, 1, new Members(1, lives)));
    clock.after(TICK_NS, null, this::tick);
    traffic.start();
    clock.schedule(
        plan.happenings().stream().mapToLong(Happening::atNs).toArray(),
        plan.happenings().stream().map(this::happening).toArray(Runnable[]::new));
  }

  private void runUntil(long endNs) {
    while (clock.nowNs() < endNs && clock.step()) {
      // one event after the other
    }
  }

  /** Liveness. */
  private void rest() {
    traffic.stop();
    cutUntilNs.clear();
    long endNs = clock.nowNs() + REST_NS;
    while (!atRest()) {
      if (clock.nowNs() > endNs) {
        for (ToyModule module : modules.values()) {
          for (ToyShard shard : module.shards()) {
            trace(() -> shard + ": " + shard.describe());
            shard.wires().forEach(wire -> trace(() -> wire.describe()));
          }
        }
        for (Packet it : ledger.allInside()) {
          trace(() -> it + " at " + (it.at instanceof Wire wire ? wire.describe() : it.at));
        }
        throw new Violation(
            "liveness",
            ledger.inside()
                + " packets, "
                + traffic.open()
                + " flows inside, "
                + (coordinator().machine().idle() ? "no change" : "a change")
                + " in progress "
                + REST_NS / Clockwork.SECOND
                + " s after the last fault: "
                + coordinator().machine().now()
                + ", "
                + coordinator().machine().next());
      }
      runUntil(clock.nowNs() + 100 * Clockwork.MS);
    }
  }

  private boolean atRest() {
    return ledger.inside() == 0 && traffic.open() == 0 && coordinator().machine().idle();
  }

  private void tick() {
    for (ToyModule module : List.copyOf(modules.values())) {
      for (ToyShard shard : module.shards()) {
        if (shard instanceof ToyWorkerShard worker) {
          clock.at(clock.nowNs(), worker, worker::tick);
        }
      }
    }
    for (ToySwitch it : switches) {
      it.machine().tick(clock.nowNs());
    }
    clock.after(TICK_NS, null, this::tick);
  }

  private ToySwitch coordinator() {
    return switches.getLast();
  }

  private ToyModule start(ModuleId id) {
    casualties.startsEmpty(id);
    ToyModule module = new ToyModule(this, nextLife(id));
    modules.put(id, module);
    return module;
  }

  private Life nextLife(ModuleId id) {
    long generation = generations.merge(id, 1L, Long::sum);
    // the same in every life
    int shards = id.kind() == ModuleId.Kind.WORKER ? 1 + id.number() % plan.shards() : 1;
    return new Life(id, generation, shards);
  }

  /** A guardian goes on in place of a life that has ended. */
  void takeOver(ToyModule host, Life of, List<Legacy> legacies) {
    ToyModule guest = modules.get(of.module());
    if (guest != null && guest.life().equals(of)) {
      throw new Violation("I1", host + " goes on from " + of + ", which lives");
    }
    if (guest == null && casualties.has(of)) {
      casualties.goesOn(of, legacies);
      guest = new ToyModule(this, nextLife(of.module()), host, legacies);
      modules.put(of.module(), guest);
      ToyModule begun = guest;
      trace(() -> begun + " goes on from " + of + " at " + host);
    }
    if (guest != null && guest.process() == host) {
      ToyModule it = guest;
      clock.after(localDelay(), host, () -> attachGuest(it, of));
    }
  }

  private void attachGuest(ToyModule guest, Life of) {
    if (modules.get(of.module()) == guest) {
      boolean placed =
          coordinator().machine().attachGuest(guest.life(), guest.process().life(), of);
      if (!placed) {
        stop(guest);
        casualties.begins(of.module(), false);
        switches.forEach(it -> it.machine().ended(guest.life()));
        startAndAttach(of.module());
      }
    }
  }

  /** Starts a module that is wanted, and tells the coordinator when it is up. */
  private void startAndAttach(ModuleId id) {
    if (!modules.containsKey(id) && wanted.contains(id) && !isAboutToRestart(id)) {
      ToyModule module = start(id);
      clock.after(network.nextLong(500 * Clockwork.MS), null, () -> attach(module));
    }
  }

  /** Whether the coordinator is asked first, once it knows that the life before has ended. */
  private boolean isAboutToRestart(ModuleId id) {
    return mustAsk() && (endsUntold.contains(id) || casualties.has(id));
  }

  private boolean mustAsk() {
    return plan.replication() != Replication.NONE;
  }

  private void attach(ToyModule module) {
    if (modules.get(module.life().module()) == module) {
      coordinator().machine().attach(module.life());
    }
  }

  private Runnable happening(Happening it) {
    return () -> happen(it);
  }

  private void happen(Happening it) {
    trace(() -> "*** " + it);
    if (modules.isEmpty()) {
      return;
    }
    switch (it.kind()) {
      case SCALE -> scale(it.which());
      case PAUSE -> process(pick(it.which())).forEach(one -> pause(one, it.durationNs()));
      case BREAK -> {
        List<Wire> wires = wires(false);
        if (!wires.isEmpty()) {
          wires.get(it.which() % wires.size()).breakFor(it.durationNs());
        }
      }
      case SWITCH -> wires(true).forEach(wire -> wire.breakFor(it.durationNs()));
      case CUT -> cutUntilNs.put(pick(it.which()).life().module(), clock.nowNs() + it.durationNs());
      case COORDINATOR -> succeed(false);
      case SUCCESSION -> succeed(true);
      case IO -> io(it.which());
      case KILL -> process(pick(it.which())).forEach(this::kill);
    }
  }

  /** All modules that live in the process of one. */
  private List<ToyModule> process(ToyModule module) {
    return modules.values().stream().filter(it -> it.process() == module.process()).toList();
  }

  private ToyModule pick(int which) {
    List<ToyModule> all = List.copyOf(modules.values());
    return all.get(which % all.size());
  }

  private void pause(ToyModule module, long durationNs) {
    long untilNs = clock.nowNs() + durationNs;
    clock.pause(module, untilNs);
    module.shards().forEach(it -> clock.pause(it, untilNs));
  }

  private void scale(int workers) {
    List<ModuleId> next = new ArrayList<>(wanted);
    next.removeIf(it -> it.kind() == ModuleId.Kind.WORKER);
    for (int i = 0; i < plan.workers(); i++) {
      if ((workers >> i & 1) != 0) {
        next.add(ModuleId.worker(i));
      }
    }
    want(next);
  }

  private void io(int which) {
    ModuleId id = ModuleId.io(which % plan.ios());
    List<ModuleId> next = new ArrayList<>(wanted);
    if (!next.remove(id)) {
      next.add(id);
    }
    if (next.stream().filter(it -> it.kind() == ModuleId.Kind.IO).count() >= 1) {
      want(next);
    }
  }

  private void want(List<ModuleId> next) {
    wanted = next;
    next.forEach(this::startAndAttach);
    coordinator().machine().wanted(next);
  }

  private void succeed(boolean dies) {
    if (dies) {
      coordinator().end();
      switches.clear();
    } else if (switches.size() > 1) {
      switches.removeFirst().end();
    }
    long term = 1 + generations.merge(new ModuleId(ModuleId.Kind.SWITCH, 0), 1L, Long::sum);
    List<Life> lives = modules.values().stream().map(ToyModule::life).toList();
    ToySwitch next = new ToySwitch(this, term, lives);
    switches.add(next);
    for (ToyModule it : modules.values()) {
      if (it.process() != it) {
        next.machine().hosted(it.life(), it.process().life());
      }
    }
    next.machine().wanted(wanted);
  }

  private void kill(ToyModule module) {
    casualties.killed(module, coordinator().machine().guardians(module.life()));
    stop(module);
    Life life = module.life();
    endsUntold.add(life.module());
    clock.after(
        network.nextLong(300 * Clockwork.MS),
        null,
        () -> {
          endsUntold.remove(life.module());
          switches.forEach(it -> it.machine().ended(life));
          restart(life.module());
        });
  }

  /** A process begins again, unless a guardian goes on in its place. */
  private void restart(ModuleId id) {
    if (modules.containsKey(id) || mustAsk() && endsUntold.contains(id)) {
      return;
    }
    if (seams.begins(coordinator().machine().mayBegin(id))) {
      ToyModule successor = start(id);
      clock.after(network.nextLong(500 * Clockwork.MS), null, () -> attach(successor));
    } else {
      clock.after(200 * Clockwork.MS, null, () -> restart(id));
    }
  }

  private List<Wire> wires(boolean ofTheSwitch) {
    List<Wire> wires = new ArrayList<>();
    for (ToyModule module : modules.values()) {
      for (ToyShard shard : module.shards()) {
        for (Wire wire : shard.wires()) {
          if (!ofTheSwitch || module.life().isWorker() && wire.toLife().isWorker()) {
            wires.add(wire);
          }
        }
      }
    }
    return wires;
  }

  /** A worker is told its first table. */
  void begins(ToyModule module) {
    casualties.begins(module.life().module(), module.process() == module);
  }

  /** A module has heard that it is fenced: it begins anew. */
  void fenced(ToyModule module) {
    stop(module);
    switches.forEach(it -> it.machine().ended(module.life()));
    clock.after(
        network.nextLong(200 * Clockwork.MS), null, () -> startAndAttach(module.life().module()));
  }

  private void stop(ToyModule module) {
    trace(() -> module + " ends");
    module.end();
    modules.remove(module.life().module(), module);
    for (ToyShard shard : module.shards()) {
      for (Wire wire : shard.wires()) {
        if (wire.orphan()) {
          orphans.add(wire);
        }
      }
    }
    for (Wire wire : List.copyOf(orphans)) {
      if (wire.toLife().equals(module.life())) {
        wire.refuse();
        orphans.remove(wire);
      }
    }
  }

  /** A module has forgotten a table: it ends when it has no place in the present one. */
  void retired(ToyModule module) {
    if (module.machine().hasLeft()) {
      if (module.life().isWorker()) {
        leave(module);
      } else {
        clock.after(3 * Clockwork.SECOND, null, () -> leave(module));
      }
    }
  }

  private void leave(ToyModule module) {
    if (modules.get(module.life().module()) == module) {
      if (process(module).size() > 1 && module.process() == module) {
        // guests go first
        clock.after(100 * Clockwork.MS, null, () -> leave(module));
        return;
      }
      if (!emptied(module)) {
        clock.after(Clockwork.SECOND, null, () -> leave(module));
        return;
      }
      stop(module);
      switches.forEach(it -> it.machine().ended(module.life()));
      startAndAttach(module.life().module());
    }
  }

  /**
   * Whether a module has not left, nor is about to be told that it has: a coordinator that asks
   * does not know, but the table of who leaves does.
   */
  private boolean takesPart(ToyModule module, ToyModule leaving) {
    Life life = module.life();
    return !module.machine().hasLeft()
        && coordinator().machine().isAttached(life)
        && leaving.shards().getFirst() instanceof ToyWorkerShard worker
        && worker.table().has(life.module());
  }

  /** Whether nothing that a module that leaves has sent is on its way any more. */
  private boolean emptied(ToyModule module) {
    for (ToyShard shard : module.shards()) {
      for (Wire wire : shard.wires()) {
        ToyShard to = shard(wire.to(), wire.toLife());
        if (to == null || !wire.holdsPackets()) {
          continue;
        }
        if (module.life().isWorker() && takesPart(to.module(), module)) {
          throw new Violation("I2", module + " leaves with packets on " + wire);
        }
        return false;
      }
    }
    return true;
  }

  void answer(ToyModule module, long term, Answer answer) {
    for (ToySwitch it : switches) {
      if (it.term() == term) {
        trace(() -> module + " to term " + term + ": " + answer);
        String way = module + " " + term;
        long at = Math.max(lastNs.getOrDefault(way, 0L), controlArrivalNs(module.life().module()));
        lastNs.put(way, at);
        clock.at(at, it, () -> seams.answer(it.machine(), answer));
      }
    }
  }

  /** When a message of management to or from a module arrives. */
  long controlArrivalNs(ModuleId module) {
    return Math.max(clock.nowNs(), cutUntilNs.getOrDefault(module, 0L))
        + network.nextLong(1, 2 * plan.delayNs());
  }

  /** How long a message takes between threads of a module. */
  long localDelay() {
    return network.nextLong(1, 50 * Clockwork.US);
  }

  Wire wire(ToyShard from, ShardId to, Life life) {
    return new Wire(
        clock, network, from, to, life, plan.delayNs() / 2 + network.nextLong(plan.delayNs()));
  }

  /** Returns a shard of a life, null when that has ended. */
  @Nullable ToyShard shard(ShardId id, Life life) {
    ToyModule module = modules.get(id.module());
    return module != null && module.life().equals(life) ? module.shards().get(id.shard()) : null;
  }

  /** Whether a life has not ended, nor left by a change: then it obeys nothing any more. */
  boolean lives(Life life) {
    ToyModule module = modules.get(life.module());
    return module != null && module.life().equals(life) && coordinator().machine().isAttached(life);
  }

  @Nullable ToyModule module(ModuleId id) {
    return modules.get(id);
  }

  /** IO modules that hosts can send to. */
  List<ToyIoShard> ports() {
    List<ToyIoShard> ports = new ArrayList<>();
    for (ModuleId id : wanted) {
      ToyModule module = modules.get(id);
      if (module != null && module.shards().getFirst() instanceof ToyIoShard io && io.epoch() > 0) {
        ports.add(io);
      }
    }
    ports.sort(Comparator.comparingInt(it -> it.id().module().number()));
    return ports;
  }

  Life owner(Members members, long key) {
    Table table = tables.get(members);
    if (table == null) {
      if (tables.size() > 64) {
        tables.clear();
      }
      table = new Table(members);
      tables.put(members, table);
    }
    return table.owner(key);
  }

  int lane(long key) {
    return Table.lane(key, plan.lanes());
  }

  long nextBinding() {
    return ++lastBinding;
  }

  void trace(Supplier<String> what) {
    if (trace != null) {
      if (trace.size() == TRACE) {
        trace.poll();
      }
      trace.add(String.format(java.util.Locale.ROOT, "%.6f %s", clock.nowNs() / 1e9, what.get()));
    }
  }

  Plan plan() {
    return plan;
  }

  Seams seams() {
    return seams;
  }

  Clockwork clock() {
    return clock;
  }

  Ledger ledger() {
    return ledger;
  }

  Traffic traffic() {
    return traffic;
  }
}
