package dev.portcullis.switching.management;

import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.elastic.ControlMessage.Answer;
import dev.portcullis.core.elastic.ControlMessage.Guarding;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.management.ChangeWire;
import dev.portcullis.core.management.Directive;
import dev.portcullis.core.management.ModuleHello;
import dev.portcullis.core.management.proto.ChangeAnswer;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.policy.GatewaySpec.Pool;
import dev.portcullis.core.topology.LogicalInterface;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.switching.management.Refusal.Cause;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Decides who the workers are. A state machine without threads, clock or network: events go in, and
 * {@link #newest} is what every module should have.
 *
 * <p>The first table waits until all workers that it needs have said hello: numbers 0 to N-1 of the
 * default pool, N being {@code workers.quantity}, or {@code workers.replicas} where that is {@code
 * auto}, and those of every other pool. With {@code auto} it goes without those that have not come
 * in {@link #FIRST_NS}, and later each worker that comes is taken in. Another N is a {@link
 * TableChange}: no flow breaks; it waits for workers that are away. A worker that has had no place
 * gets one when all IO modules have links to it, and in a mesh all workers of the table, too
 * ({@link #joining}, {@link #linked}). A worker that is about to end asks for one without it; the
 * next that runs and is not needed yet takes its place, until another life of it is there. An IO
 * module that is about to end asks for a table of the same workers, in which it takes no part. A
 * worker that comes back younger, or at another address, makes a new table; one that only goes away
 * does not.
 *
 * <p>Epochs only grow, over restarts of the switch module too: modules say which table they have,
 * and the next one is above all of them. It begins with the workers of the newest of those, once
 * they are attached, or half of them {@link #GATHER_NS} later (ADR 85).
 *
 * <p>Not thread-safe.
 */
public final class Coordinator {

  /** How long a change may take, and how long is waited until there can be one. */
  private static final long LONGEST_NS = 30_000_000_000L;

  /** How long the first table waits for all, with {@code auto}, from the first worker on. */
  private static final long FIRST_NS = 10_000_000_000L;

  /**
   * How long the workers of a table of another switch are waited for: modules try again after 5 s
   * at the latest.
   */
  private static final long GATHER_NS = 10_000_000_000L;

  private static final long NEVER = -1;

  private final long term;
  private GatewaySpec spec;
  private Topology topology;
  private String policyYaml;
  private int highestEpoch;
  private Directive newest;
  private final Map<ModuleId, ModuleHello> known = new HashMap<>();
  private final Set<ModuleId> attached = new HashSet<>();
  private final Set<ModuleId> leaving = new HashSet<>();

  /** IO modules that take part no more: their processes are about to end. */
  private final Set<ModuleId> left = new HashSet<>();

  private final Map<ModuleId, Integer> acknowledged = new HashMap<>();
  private final Map<ModuleId, Set<Life>> links = new HashMap<>();
  private final List<ScaleEvent> events = new ArrayList<>();
  private final List<TableChange.Outgoing> steps = new ArrayList<>();
  private final @Nullable Guardians guardians;
  private @Nullable TableChange change;
  private boolean policyWaits;
  private long waitsSinceNs = NEVER;
  private long firstSinceNs = NEVER;
  private long gathersSinceNs = NEVER;

  /**
   * Workers of the newest table that a module has from another switch; empty: none to go on with.
   */
  private List<Member> held = List.of();

  private boolean waitedForAll;
  private long nowNs;

  /**
   * Begins without a table.
   *
   * @param term life of this switch module; only grows from one life to the next, above 0
   * @param spec the gateway
   * @param policyYaml the configuration documents that {@code spec} was read from
   */
  public Coordinator(long term, GatewaySpec spec, String policyYaml) {
    this.term = term;
    this.spec = spec;
    this.topology = Topology.of(spec);
    this.policyYaml = policyYaml;
    this.newest = Directive.of(0, 0, term, List.of(), policyYaml);
    this.guardians =
        spec.replication() == GatewaySpec.Replication.NONE ? null : new Guardians(term);
  }

  /** What every module should have now; epoch 0 before the first table. */
  public Directive newest() {
    return newest;
  }

  /** The modules that the configuration has. */
  Topology topology() {
    return topology;
  }

  /** Whether there may be this module: the configuration has it, or the present table. */
  boolean knows(ModuleId module) {
    return topology.has(module) || isMember(module) || ControlStatus.isMember(held, module);
  }

  private boolean isMember(ModuleId module) {
    return ControlStatus.isMember(newest.workers(), module);
  }

  /**
   * Whether IO modules may assign by {@link #newest}: all its workers that are attached have
   * acknowledged it, so that none meets a packet of a table that it does not know.
   */
  public boolean workersFollow() {
    if (change != null) {
      return false; // who is new waits until it is over
    }
    for (Member worker : newest.workers()) {
      ModuleId module = ModuleId.worker(worker.number());
      if (attached.contains(module) && acknowledged.getOrDefault(module, 0) != newest.epoch()) {
        return false;
      }
    }
    return true;
  }

  /**
   * A module came, or came again. Returns why it is refused, null when it is accepted: then it
   * takes {@link #newest}.
   */
  public @Nullable Refusal attach(ModuleHello hello) {
    Refusal refusal = check(hello);
    if (refusal != null) {
      return refusal;
    }
    ModuleHello before = known.put(hello.module(), hello);
    attached.add(hello.module());
    if (guardians != null && hello.module().kind() == ModuleId.Kind.WORKER) {
      guardians.attached(before == null ? null : life(before), life(hello));
    }
    if (before == null || before.generation() != hello.generation()) {
      acknowledged.put(hello.module(), 0);
      leaving.remove(hello.module());
      left.remove(hello.module());
    }
    rejoin(hello);
    if (hello.module().kind() == ModuleId.Kind.WORKER && firstSinceNs == NEVER) {
      firstSinceNs = nowNs;
    }
    boolean ahead = hello.term() != term && hello.epoch() >= newest.epoch() && hello.epoch() > 0;
    if (hello.term() != term
        && hello.epoch() > highestEpoch
        && !hello.workers().isEmpty()
        && change == null) {
      held = hello.workers();
      gathersSinceNs = gathersSinceNs == NEVER ? nowNs : gathersSinceNs;
    }
    highestEpoch = Math.max(highestEpoch, hello.epoch());
    decide(ahead);
    return null;
  }

  /** Whether another switch has made a table, whose workers are awaited before there is another. */
  boolean isGathering() {
    return !held.isEmpty();
  }

  /** Goes on with the table of another switch when all its workers are here, or are not awaited. */
  private void gather() {
    long here = held.stream().filter(it -> attached.contains(ModuleId.worker(it.number()))).count();
    boolean isLate = nowNs - gathersSinceNs > GATHER_NS;
    if (here == held.size() || isLate && 2 * here >= held.size()) {
      List<Member> members = members(numbers(held), held);
      held = List.of();
      gathersSinceNs = NEVER;
      publish(members);
      decide(false);
    }
  }

  /** A module that takes part in a change has come back. */
  private void rejoin(ModuleHello hello) {
    TableChange it = change;
    if (it == null || !it.has(hello.module())) {
      return;
    }
    if (it.has(life(hello))) {
      steps.addAll(it.stepsAgain(hello.module()));
    } else if (it.hasSwitched()) {
      giveUp(it);
    } else {
      putOff(it);
    }
  }

  /** Nobody works by the next table yet: the one before holds on, and the change begins again. */
  private void putOff(TableChange it) {
    highestEpoch = Math.max(highestEpoch, it.highestEpoch());
    change = null;
    steps.clear();
    publish(members(numbers(newest.workers())));
    events.add(it.event(ScaleEvent.Result.ABORTED, newest.epoch()));
  }

  /**
   * A module says to which of {@link #joining} all its links are up: instead of what it said
   * before.
   */
  void linked(ModuleId module, List<Life> workers) {
    if (attached.contains(module)) {
      links.put(module, Set.copyOf(workers));
      decide(false);
    }
  }

  /**
   * The workers without a place in the table to which {@link #opensLinks modules} are to have
   * links, by ascending number; none before the first table, which no packet has been assigned by.
   */
  public List<Member> joining() {
    if (newest.epoch() == 0) {
      return List.of();
    }
    return attached.stream()
        .filter(it -> it.kind() == ModuleId.Kind.WORKER && !isMember(it) && topology.has(it))
        .filter(it -> !leaving.contains(it))
        .sorted(Comparator.comparingInt(ModuleId::number))
        .map(it -> member(Objects.requireNonNull(known.get(it))))
        .toList();
  }

  /** Whether a module opens links to workers: an IO module, and without switches between all. */
  boolean opensLinks(ModuleId module) {
    return module.kind() == ModuleId.Kind.IO
        || spec.switchModule().mode() == GatewaySpec.SwitchMode.MESH;
  }

  /** Whether a worker is reached by all that may send to it: not by those that come with it. */
  private boolean isLinked(Member worker) {
    Life life = ChangeWire.life(worker);
    return attached.stream()
        .filter(it -> opensLinks(it) && takesPart(it))
        .allMatch(it -> links.getOrDefault(it, Set.of()).contains(life));
  }

  /** Whether a module that is attached takes part in the table. */
  private boolean takesPart(ModuleId module) {
    return module.kind() == ModuleId.Kind.IO ? !left.contains(module) : isMember(module);
  }

  /** IO modules that take part in the table. */
  private List<ModuleId> io() {
    return attached.stream()
        .filter(it -> it.kind() == ModuleId.Kind.IO && takesPart(it))
        .sorted(Comparator.comparingInt(ModuleId::number))
        .toList();
  }

  /** Those of them that are about to end. */
  private List<ModuleId> ioLeaving() {
    return io().stream().filter(leaving::contains).toList();
  }

  private static Life life(ModuleHello it) {
    return new Life(it.module(), it.generation(), Math.max(1, it.shards()));
  }

  /** The change cannot come to its end: all take the newest table as it is, and flows break. */
  private void giveUp(TableChange it) {
    highestEpoch = Math.max(highestEpoch, it.highestEpoch());
    change = null;
    steps.clear();
    publish(members());
    events.add(it.event(ScaleEvent.Result.GIVEN_UP, newest.epoch()));
  }

  /**
   * What a module answers to a step of a change.
   *
   * @param from which life of it
   * @param timeNs now, as for {@link #tick}
   */
  void answer(ModuleHello from, ChangeAnswer answer, long timeNs) {
    nowNs = timeNs;
    TableChange it = change;
    Answer said = ChangeWire.decode(life(from), answer);
    if (said instanceof Guarding guarding) {
      if (guardians != null) {
        guardians.guarding(guarding);
      }
      return;
    }
    if (it != null && said != null) {
      it.answer(said, ChangeWire.share(answer), timeNs);
      goOn(it);
    }
  }

  /** Time passes: nanoseconds that only grow. */
  public void tick(long timeNs) {
    nowNs = timeNs;
    if (highestEpoch == 0
        && !waitedForAll
        && firstSinceNs != NEVER
        && timeNs - firstSinceNs > FIRST_NS) {
      waitedForAll = true;
      decide(false);
    }
    if (isGathering()) {
      gather();
    }
    TableChange it = change;
    if (guardians != null) {
      guardians.tick(timeNs);
    }
    if (it == null && waitsSinceNs != NEVER && isFollowed()) {
      decide(false);
      it = change;
    }
    if (it == null) {
      if (waitsSinceNs != NEVER && timeNs - waitsSinceNs > LONGEST_NS) {
        waitNoMore();
      }
      return;
    }
    it.tick(timeNs);
    goOn(it);
    if (change == it && it.durationNs(timeNs) > LONGEST_NS) {
      giveUp(it);
    }
  }

  /** Returns changes that have ended and were not returned before. */
  List<ScaleEvent> events() {
    List<ScaleEvent> all = List.copyOf(events);
    events.clear();
    return all;
  }

  /** Returns what is to be said to modules, in order, and that was not returned before. */
  List<TableChange.Outgoing> steps() {
    List<TableChange.Outgoing> all = new ArrayList<>(steps);
    steps.clear();
    if (guardians != null) {
      all.addAll(guardians.orders());
    }
    return all;
  }

  private void goOn(TableChange it) {
    steps.addAll(it.steps());
    if (!it.isOver()) {
      return;
    }
    change = null;
    highestEpoch = Math.max(highestEpoch, it.highestEpoch());
    events.add(
        it.event(it.hasChanged() ? ScaleEvent.Result.DONE : ScaleEvent.Result.ABORTED, it.epoch()));
    if (it.hasChanged()) {
      left.addAll(it.leaving());
      newest = Directive.of(it.epoch(), newest.epoch(), term, it.workers(), policyYaml);
      holds();
      decide(policyWaits);
      forget();
    } else if (policyWaits) {
      publish(newest.workers());
    } else if (!leaving.isEmpty()) {
      decide(false);
    }
    policyWaits = false;
  }

  /** A module that is attached is about to end: the table is to be one without it. */
  public void leave(ModuleId module) {
    if (attached.contains(module)) {
      leaving.add(module);
      if (needed().isEmpty()) {
        leaving.remove(module); // nobody is left to go on with what it has
      } else {
        decide(false);
      }
    }
  }

  /** The stream of a module is gone; its place in the table stays. */
  public void detach(ModuleId module) {
    attached.remove(module);
    if (guardians != null) {
      guardians.detached(module, nowNs);
    }
    links.remove(module);
    if (opensLinks(module)) {
      decide(false); // nobody waits for its links any more
    }
    forget();
  }

  /**
   * A module that is attached says that it assigns by {@code epoch}. Returns why that is refused,
   * null when it is taken.
   */
  public @Nullable Refusal acknowledge(ModuleId module, int epoch) {
    if (!attached.contains(module)) {
      return new Refusal(Cause.MALFORMED, module + " acknowledged an epoch before its hello");
    }
    if (epoch < 1 || epoch > highestEpoch) {
      return new Refusal(
          Cause.MALFORMED,
          module
              + " acknowledged epoch "
              + Integer.toUnsignedString(epoch)
              + "; the newest is "
              + newest.epoch());
    }
    acknowledged.merge(module, epoch, Math::max);
    if (guardians != null && module.kind() == ModuleId.Kind.WORKER) {
      guardians.acknowledged(life(Objects.requireNonNull(known.get(module))));
    }
    if (change == null && waitsSinceNs != NEVER) {
      decide(false); // it may have been the last
    }
    return null;
  }

  /** The configuration changed: a new table as soon as the workers that it needs are known. */
  public void configure(GatewaySpec changedSpec, String changedYaml) {
    spec = changedSpec;
    topology = Topology.of(changedSpec);
    policyYaml = changedYaml;
    decide(newest.epoch() > 0);
    forget();
  }

  /** Who has no place in the configuration, nor in the table, is unknown when it has gone. */
  private void forget() {
    known.keySet().removeIf(it -> !knows(it) && !attached.contains(it));
    leaving.retainAll(known.keySet());
    left.retainAll(known.keySet());
    acknowledged.keySet().retainAll(known.keySet());
  }

  /** N is to be this: a new table as soon as the workers that it needs are known. */
  public void quantity(int workers) {
    GatewaySpec.Workers now = spec.workers();
    spec = spec.withWorkers(new GatewaySpec.Workers(now.replicas(), workers, now.shards()));
    decide(false);
  }

  /** What is known now. */
  public ControlStatus status() {
    List<Integer> missing =
        needed().stream().filter(it -> !known.containsKey(ModuleId.worker(it))).toList();
    return new ControlStatus(
        newest.epoch(),
        newest.workers(),
        attached,
        acknowledged,
        missing,
        joining().stream().map(Member::number).toList());
  }

  private @Nullable Refusal check(ModuleHello hello) {
    ModuleId module = hello.module();
    if (!knows(module)) {
      return new Refusal(Cause.UNKNOWN_MODULE, "the configuration has no module " + module);
    }
    ModuleHello before = known.get(module);
    if (before != null && hello.generation() < before.generation()) {
      return new Refusal(
          Cause.STALE_GENERATION,
          module
              + " has generation "
              + hello.generation()
              + "; generation "
              + before.generation()
              + " has been here");
    }
    if (before != null && guardians != null && module.kind() == ModuleId.Kind.WORKER) {
      Refusal occupied = guardians.occupied(life(before), life(hello), nowNs);
      if (occupied != null) {
        return occupied;
      }
    }
    if (hello.epoch() < 0 || hello.epoch() == Integer.MAX_VALUE) {
      return new Refusal(
          Cause.MALFORMED,
          module + " cannot have epoch " + Integer.toUnsignedString(hello.epoch()));
    }
    return module.kind() == ModuleId.Kind.WORKER ? checkWorker(hello) : checkPorts(hello);
  }

  private static @Nullable Refusal checkWorker(ModuleHello hello) {
    if (hello.host().isEmpty() || hello.port() < 1 || hello.port() > 65_535 || hello.shards() < 1) {
      return new Refusal(
          Cause.MALFORMED,
          hello.module()
              + " must say where it takes links (host, port 1 to 65535) and its shards (from 1)");
    }
    return null;
  }

  private @Nullable Refusal checkPorts(ModuleHello hello) {
    List<LogicalInterface> interfaces = topology.ofModule(hello.module());
    for (LogicalInterface it : interfaces) {
      Integer tag = hello.portTags().get(it.port());
      if (tag == null || tag != it.tag()) {
        return new Refusal(
            Cause.CONTRADICTION,
            hello.module()
                + " must have port "
                + it.port()
                + " with tag "
                + it.tag()
                + "; it says "
                + (tag == null ? "it has none" : "tag " + tag));
      }
    }
    if (hello.portTags().size() != interfaces.size()) {
      return new Refusal(
          Cause.CONTRADICTION,
          hello.module()
              + " has "
              + hello.portTags().size()
              + " ports; the configuration has "
              + interfaces.size());
    }
    return null;
  }

  /** Numbers of the workers that a table needs: ascending. */
  private List<Integer> needed() {
    Integer quantity = spec.workers().quantity();
    int replicas = spec.workers().replicas();
    int n = quantity == null ? replicas : Math.min(quantity, replicas);
    Set<Integer> numbers = new TreeSet<>(staying(0, n));
    if (quantity == null && (newest.epoch() > 0 || waitedForAll)) {
      numbers.removeIf(it -> !hasPlace(it));
    }
    for (int number = n; number < replicas && numbers.size() < n; number++) {
      ModuleId module = ModuleId.worker(number);
      if (attached.contains(module) && !leaving.contains(module)) {
        numbers.add(number);
      }
    }
    if (numbers.isEmpty()) {
      return List.of(); // a table needs one of them
    }
    for (Pool pool : spec.pools()) {
      numbers.addAll(staying(pool.base(), pool.replicas()));
    }
    return List.copyOf(numbers);
  }

  /** Whether a worker has a place in the table, or is ready for one. */
  private boolean hasPlace(int number) {
    ModuleId module = ModuleId.worker(number);
    ModuleHello worker = known.get(module);
    return isMember(module)
        || worker != null
            && attached.contains(module)
            && (newest.epoch() == 0 || isLinked(member(worker)));
  }

  private List<Integer> staying(int base, int count) {
    List<Integer> numbers = new ArrayList<>();
    for (int number = base; number < base + count; number++) {
      if (!leaving.contains(ModuleId.worker(number))) {
        numbers.add(number);
      }
    }
    return numbers;
  }

  /** Workers of the table that is wanted, empty while some are not known. */
  private List<Member> members() {
    return members(needed());
  }

  private List<Member> members(List<Integer> numbers) {
    return members(numbers, newest.workers());
  }

  /** Workers with these numbers, empty while some are neither known nor in a table. */
  private List<Member> members(List<Integer> numbers, List<Member> table) {
    List<Member> members = new ArrayList<>();
    for (int number : numbers) {
      Member member = latest(number, table);
      if (member == null) {
        return List.of();
      }
      members.add(member);
    }
    return members;
  }

  /** The latest life of a worker, as it said itself or as a table has it; null: there is none. */
  private @Nullable Member latest(int number, List<Member> table) {
    ModuleHello hello = known.get(ModuleId.worker(number));
    Member said = hello == null ? null : member(hello);
    for (Member it : table) {
      if (it.number() == number && (said == null || said.generation() < it.generation())) {
        return it;
      }
    }
    return said;
  }

  private static Member member(ModuleHello it) {
    return new Member(it.module().number(), it.generation(), it.host(), it.port(), it.shards());
  }

  private void decide(boolean always) {
    if (isGathering()) {
      gather();
      return;
    }
    List<Member> members = members();
    if (members.isEmpty()) {
      return;
    }
    if (change != null) {
      policyWaits |= always;
      return;
    }
    List<Member> places = members(newest.workers().stream().map(Member::number).toList());
    if (isMove(members) && !places.isEmpty()) {
      move(places, members, always);
      return;
    }
    waitsSinceNs = NEVER;
    if (always || !members.equals(newest.workers())) {
      publish(members);
    }
  }

  /** Hands over, or waits until that can be: without, every flow whose owner changes breaks. */
  private void move(List<Member> places, List<Member> members, boolean always) {
    // the policy first, lives that have begun anew, and no number twice
    if (always || highestEpoch > newest.epoch() || !places.equals(newest.workers())) {
      publish(places);
    }
    if (places.stream().allMatch(this::isThere)
        && members.stream().allMatch(this::isThere)
        && isFollowed()) {
      waitsSinceNs = NEVER;
      begin(members);
    } else if (waitsSinceNs == NEVER) {
      waitsSinceNs = nowNs;
    }
  }

  /**
   * Whether all work by {@link #newest}: a change begins with its workers, and of a life that one
   * module does not know yet it would miss the barrier.
   */
  private boolean isFollowed() {
    return attached.stream()
        .filter(this::takesPart)
        .allMatch(it -> acknowledged.getOrDefault(it, 0) == newest.epoch());
  }

  /** Who is waited for does not come. Of one that has left the place stays, as of one that died. */
  private void waitNoMore() {
    waitsSinceNs = NEVER;
    leaving.clear();
    List<Member> members = members();
    if (!members.isEmpty() && isMove(members)) {
      publish(members);
    }
  }

  /** Whether other modules than now are to take part, and flows can be handed over. */
  private boolean isMove(List<Member> members) {
    return newest.epoch() > 0
        && spec.path() == GatewaySpec.PathMode.RECORD
        && (!numbers(members).equals(numbers(newest.workers())) || !ioLeaving().isEmpty());
  }

  private static List<Integer> numbers(List<Member> members) {
    return members.stream().map(Member::number).toList();
  }

  private boolean isThere(Member it) {
    ModuleId module = ModuleId.worker(it.number());
    return attached.contains(module) && (isMember(module) || isLinked(it));
  }

  private void begin(List<Member> members) {
    List<Life> io = io().stream().map(it -> life(Objects.requireNonNull(known.get(it)))).toList();
    TableChange it =
        new TableChange(term, newest.epoch(), newest.workers(), members, io, ioLeaving(), nowNs);
    change = it;
    goOn(it);
  }

  private void publish(List<Member> members) {
    if (!members.isEmpty()) {
      int previous = highestEpoch;
      highestEpoch++;
      newest = Directive.of(highestEpoch, previous, term, members, policyYaml);
      holds();
    }
  }

  private void holds() {
    if (guardians != null) {
      guardians.table(newest.workers());
    }
  }
}
