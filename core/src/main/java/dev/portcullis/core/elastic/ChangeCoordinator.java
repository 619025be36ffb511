package dev.portcullis.core.elastic;

import dev.portcullis.core.elastic.ControlMessage.Abort;
import dev.portcullis.core.elastic.ControlMessage.Answer;
import dev.portcullis.core.elastic.ControlMessage.Ask;
import dev.portcullis.core.elastic.ControlMessage.Begin;
import dev.portcullis.core.elastic.ControlMessage.Commit;
import dev.portcullis.core.elastic.ControlMessage.Done;
import dev.portcullis.core.elastic.ControlMessage.Generation;
import dev.portcullis.core.elastic.ControlMessage.Gone;
import dev.portcullis.core.elastic.ControlMessage.Guard;
import dev.portcullis.core.elastic.ControlMessage.Guarded;
import dev.portcullis.core.elastic.ControlMessage.Guarding;
import dev.portcullis.core.elastic.ControlMessage.Missing;
import dev.portcullis.core.elastic.ControlMessage.Order;
import dev.portcullis.core.elastic.ControlMessage.Prepare;
import dev.portcullis.core.elastic.ControlMessage.Prepared;
import dev.portcullis.core.elastic.ControlMessage.Retire;
import dev.portcullis.core.elastic.ControlMessage.State;
import dev.portcullis.core.elastic.ControlMessage.Takeover;
import dev.portcullis.core.link.ModuleId;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Decides which table holds. One change at a time:
 *
 * <ul>
 *   <li>C1 a change is wanted and none in progress: {@code prepare} to old and new members. Of what
 *       is wanted meanwhile only the newest counts.
 *   <li>C2 all know the table and have copied: {@code commit}. When that takes too long: abort for
 *       a joiner, go on with a slow copy, fence an IO module.
 *   <li>C3 {@code done} from all: {@code retire}, then C1. No number is used twice.
 *   <li>C4 a new term asks all members first: the newest table that anyone has prepared is prepared
 *       everywhere and committed, as there may be a commit that nobody has told of.
 *   <li>C5 an IO module whose barrier is missing is fenced.
 *   <li>C6 {@link #replicated}: every worker is told a guardian; when a worker ends whose guardian
 *       has all that it had, the guardian goes on in its place under the same table, as a
 *       <em>guest</em> that leaves by the next change.
 * </ul>
 *
 * <p>Orders to a module arrive in order and once while both live. Thread: management.
 */
public final class ChangeCoordinator {

  /** Numbers that a new term leaves out: some may have been used by the one before. */
  static final int EPOCHS_LEFT_OUT = 1_000;

  /** Where orders go. */
  public interface Actions {

    /** Sends an order to a life; no other life of the module may get it. */
    void order(Life to, Order order);
  }

  private enum Phase {
    /** C4. */
    ASKING,
    /** No change. */
    IDLE,
    /** C1. */
    PREPARING,
    /** C2. */
    COMMITTED
  }

  private final long term;
  private final Timing timing;
  private final Actions actions;
  private final Map<ModuleId, Life> attached = new LinkedHashMap<>();
  private final Map<ModuleId, State> states = new LinkedHashMap<>();
  private final Set<ModuleId> asked = new HashSet<>();
  private final Set<ModuleId> known = new HashSet<>();
  private final Set<ModuleId> copied = new HashSet<>();
  private final Set<ModuleId> done = new HashSet<>();
  private final Map<ModuleId, Long> left = new HashMap<>();
  private final Set<ModuleId> leftOut = new HashSet<>();
  private final Guards guards = new Guards();

  /** C4: lives that anybody had in a table. */
  private Set<Life> told = Set.of();

  private boolean replicated;
  private List<ModuleId> wanted = List.of();
  private Phase phase;
  private Members now;
  private @Nullable Members next;
  private int highestEpoch;
  private long sinceNs;
  private long nowNs;

  /** Begins with a first table, that all its members have. */
  public ChangeCoordinator(long term, Members first, Timing timing, Actions actions) {
    this.term = term;
    this.timing = timing;
    this.actions = actions;
    now = first;
    highestEpoch = first.epoch();
    phase = Phase.IDLE;
    for (Life life : first.lives()) {
      attached.put(life.module(), life);
      actions.order(life, new Begin(term, first, null, false));
    }
    wanted = first.lives().stream().map(Life::module).toList();
  }

  /** C4: begins by asking the modules that there are. */
  public ChangeCoordinator(long term, List<Life> modules, Timing timing, Actions actions) {
    this.term = term;
    this.timing = timing;
    this.actions = actions;
    now = Members.NONE;
    phase = Phase.ASKING;
    for (Life life : modules) {
      attached.put(life.module(), life);
      asked.add(life.module());
      actions.order(life, new Ask(term));
    }
  }

  /** C6: from now on workers have replicas. */
  public void replicated() {
    replicated = true;
    guard();
  }

  /** C6. Tells each worker its guardian, where that is another than before. */
  private void guard() {
    if (!replicated || phase == Phase.ASKING) {
      return;
    }
    Members table = next == null ? now : next;
    guards
        .changes(all().stream().filter(this::isAttachedWorker).toList(), attachedWorkers(table))
        .forEach(
            (worker, guardian) -> {
              actions.order(worker, new Guard(term, guardian));
              guarded(worker, guardian);
            });
  }

  private void guarded(Life worker, Life guardian) {
    if (isAttachedWorker(worker) && guards.isGuarded(worker, guardian)) {
      actions.order(worker, new Guarded(term, guardian));
    }
  }

  private boolean isAttachedWorker(Life life) {
    return life.isWorker() && isAttached(life);
  }

  private List<Life> attachedWorkers(Members table) {
    return table.workers().stream().filter(this::isAttachedWorker).toList();
  }

  /** Whether a life takes part, or may: it has not ended, and has not left. */
  public boolean isAttached(Life life) {
    return life.equals(attached.get(life.module()));
  }

  /** Returns the lives that are known to have all that a worker has. */
  public Set<Life> guardians(Life worker) {
    return Set.copyOf(guards.protectorsOf(worker));
  }

  /** Returns the workers in a table whose crash would lose what they have. */
  public List<Life> unprotected() {
    return all().stream().filter(it -> it.isWorker() && guards.protectorsOf(it).isEmpty()).toList();
  }

  /** C6. The guardian of a life that has ended goes on in its place, if it can. */
  private void takeOver(Life ended) {
    Life guardian = guards.takeOver(ended);
    if (guardian != null) {
      actions.order(guardian, new Takeover(term, ended));
    }
  }

  /**
   * Whether a process may begin as a module: not while a guardian goes on in its place, or may be
   * about to as far as a coordinator knows that asks.
   *
   * @param module whose earlier life has ended, as was said here before
   */
  public boolean mayBegin(ModuleId module) {
    if (replicated && phase == Phase.ASKING && !asked.isEmpty()) {
      return false;
    }
    Life present = attached.get(module);
    return !guards.isTakenOver(module) && (present == null || !guards.isGuest(present));
  }

  /**
   * C6. A guardian goes on in place of a life that has ended.
   *
   * @param host life of the guardian
   * @param of the life that has ended
   * @return whether it has a place, or may have one: else nobody waits for it, and it ends
   */
  public boolean attachGuest(Life guest, Life host, Life of) {
    if (guest.equals(attached.get(guest.module()))) {
      return true;
    }
    if (phase == Phase.ASKING || of.equals(memberBefore(guest))) {
      hosted(guest, host);
      attach(guest);
      return true;
    }
    guards.replaced(of);
    return false;
  }

  /** C6. A life is a guest in the process of another: they end together. */
  public void hosted(Life guest, Life host) {
    guards.hosted(guest, host);
  }

  /** The table before the change in progress, or the present one. */
  public Members now() {
    return now;
  }

  /** The table of the change in progress, null where there is none. */
  public @Nullable Members next() {
    return next;
  }

  /** Whether no change is in progress or due. */
  public boolean idle() {
    return phase == Phase.IDLE && !due();
  }

  /** C1: who should take part. The newest wish counts. */
  public void wanted(List<ModuleId> modules) {
    wanted = List.copyOf(new TreeSet<>(ids(modules)).stream().map(ModuleId::decode).toList());
    begin();
  }

  private static List<Integer> ids(List<ModuleId> modules) {
    return modules.stream().map(ModuleId::encoded).toList();
  }

  /**
   * A module is there: in a first life, or in place of one that has ended. A worker whose earlier
   * life has a place in the table takes that place; an IO module gets one by a change.
   */
  public void attach(Life life) {
    ModuleId module = life.module();
    if (life.generation() <= left.getOrDefault(module, 0L) || life.equals(attached.get(module))) {
      return;
    }
    Life before = memberBefore(life);
    if (before != null && life.isWorker()) {
      generation(before, life);
      return;
    }
    if (before != null) {
      generation(before, null);
    }
    attached.put(module, life);
    leftOut.remove(module);
    if (phase == Phase.ASKING) {
      asked.add(module);
      actions.order(life, new Ask(term));
    } else {
      begin();
    }
  }

  /** Returns the life that has the place of a module in a table, if that is an earlier one. */
  private @Nullable Life memberBefore(Life life) {
    Life place = now.of(life.module());
    if (place == null && next != null) {
      place = next.of(life.module());
    }
    return place == null || place.equals(life) ? null : place;
  }

  /**
   * A life has ended: its process is known to be gone. A worker's place waits for another life of
   * it; without a place a joiner is not waited for.
   */
  public void ended(Life life) {
    if (!life.isWorker()) {
      // one that has left, too: others may have packets for it
      generation(life, null);
      return;
    }
    gone(life);
    if (!life.equals(attached.get(life.module()))) {
      return;
    }
    forget(life);
    retireIfDone();
    if (phase == Phase.PREPARING && !now.has(life.module()) && isNextMember(life)) {
      // it had nothing yet that somebody could go on with
      abort();
    } else if (isMember(life)) {
      takeOver(life);
    }
    resolveIfAllSaid();
    begin();
  }

  /** C6. The process of a worker is gone, and with it all the replicas that it had. */
  private void gone(Life life) {
    if (!replicated) {
      return;
    }
    guards.gone(life);
    guards.takenOverBy(life).forEach(this::takeOver);
    for (Life worker : List.copyOf(attached.values())) {
      if (worker.isWorker() && !worker.equals(life)) {
        actions.order(worker, new Gone(term, life));
      }
    }
  }

  private boolean isMember(Life life) {
    return life.equals(now.of(life.module())) || isNextMember(life);
  }

  private boolean isNextMember(Life life) {
    return next != null && life.equals(next.of(life.module()));
  }

  private void abort() {
    if (next != null) {
      toAll(new Abort(term, next.epoch()));
    }
    next = null;
    phase = Phase.IDLE;
    begin();
  }

  private void forget(Life life) {
    ModuleId module = life.module();
    if (attached.containsKey(module) && !life.equals(attached.get(module))) {
      return;
    }
    known.remove(module);
    copied.remove(module);
    done.remove(module);
    states.remove(module);
    asked.remove(module);
    attached.remove(module);
  }

  private List<Life> livesWanted() {
    List<Life> lives = new ArrayList<>();
    for (ModuleId module : wanted) {
      Life life = attached.get(module);
      if (life != null && !leftOut.contains(module)) {
        lives.add(life);
      }
    }
    if (lives.stream().anyMatch(it -> it.isWorker() && !guards.isGuest(it))) {
      lives.removeIf(guards::isGuest);
    }
    return lives;
  }

  private boolean due() {
    List<Life> lives = livesWanted();
    return lives.stream().anyMatch(Life::isWorker)
        && !new HashSet<>(lives).equals(new HashSet<>(now.lives()));
  }

  private void begin() {
    if (phase == Phase.IDLE && due()) {
      change();
    }
    guard();
  }

  private void change() {
    Members table = new Members(++highestEpoch, livesWanted());
    if (now.epoch() == 0) {
      // nobody has one: there is nothing to hand over
      now = table;
      toAll(new Begin(term, table, null, false));
    } else {
      prepare(table);
    }
  }

  private void prepare(Members table) {
    next = table;
    phase = Phase.PREPARING;
    sinceNs = nowNs;
    known.clear();
    copied.clear();
    done.clear();
    toAll(new Prepare(term, now, table));
  }

  private List<Life> all() {
    return now.union(next);
  }

  private void toAll(Order order) {
    for (Life life : all()) {
      if (life.equals(attached.get(life.module()))) {
        actions.order(life, order);
      }
    }
  }

  /** A module says something. What an ended life says is ignored. */
  public void answer(Answer answer) {
    ModuleId module = answer.from().module();
    if (!answer.from().equals(attached.get(module))) {
      return;
    }
    switch (answer) {
      case Prepared it -> prepared(module, it);
      case Done it -> {
        if (phase == Phase.COMMITTED && isNext(it.epoch())) {
          done.add(module);
          retireIfDone();
        }
      }
      case Missing it -> {
        Life member = now.of(it.member());
        if (phase == Phase.COMMITTED
            && isNext(it.epoch())
            && member != null
            && !member.isWorker()) {
          generation(member, null);
        }
      }
      case Guarding it -> {
        guards.guarding(it.from(), it.of(), it.full());
        guarded(it.of(), it.from());
        if (guards.takenOverBy(it.from()).contains(it.of()) && !it.full()) {
          takeOver(it.of());
        }
      }
      case State it -> {
        if (it.term() == term && phase == Phase.ASKING) {
          states.put(module, it);
          resolveIfAllSaid();
        }
      }
    }
  }

  private boolean isNext(int epoch) {
    return next != null && next.epoch() == epoch;
  }

  private void prepared(ModuleId module, Prepared it) {
    if (leftOut.remove(module)) {
      begin();
    }
    if (phase == Phase.PREPARING && isNext(it.epoch())) {
      known.add(module);
      if (it.copied()) {
        copied.add(module);
      }
      commitIf(copied);
    }
  }

  private void commitIf(Set<ModuleId> ready) {
    Members table = next;
    if (table != null && all().stream().allMatch(it -> ready.contains(it.module()))) {
      phase = Phase.COMMITTED;
      toAll(new Commit(term, table.epoch()));
    }
  }

  private void retireIfDone() {
    Members table = next;
    if (phase == Phase.COMMITTED
        && table != null
        && all().stream().allMatch(it -> done.contains(it.module()) || hasGone(it, table))) {
      toAll(new Retire(term, table.epoch()));
      leave(now, table);
      now = table;
      next = null;
      phase = Phase.IDLE;
      begin();
    }
  }

  /**
   * Whether a worker has ended that has no place in the next table: when all others are done,
   * nobody waits for anything of it. It may have been told before it ended that the change is over.
   */
  private boolean hasGone(Life life, Members table) {
    return life.isWorker() && !attached.containsKey(life.module()) && !table.has(life.module());
  }

  private void leave(Life life) {
    guards.gone(life);
    guards.replaced(life);
    attached.remove(life.module());
    left.merge(life.module(), life.generation(), Math::max);
  }

  /** Who is in the table no more ends; with the same number another life may come. */
  private void leave(Members before, Members table) {
    for (Life life : before.lives()) {
      if (!table.has(life.module())) {
        leave(life);
      }
    }
  }

  /**
   * Nothing of a life is taken any more.
   *
   * @param successor who goes on with its number under the same table; null: nobody
   */
  private void generation(Life ended, @Nullable Life successor) {
    say(ended, successor);
    for (Life earlier : told) {
      if (successor != null
          && earlier.module().equals(ended.module())
          && earlier.generation() < ended.generation()) {
        // some have not heard of the life between
        say(earlier, successor);
      }
    }
    forget(ended);
    guards.replaced(ended);
    guards.gone(ended);
    now = successor == null ? now.without(ended) : now.with(successor);
    if (next != null) {
      next = successor == null ? next.without(ended) : next.with(successor);
    }
    if (successor != null) {
      succeed(successor);
    }
    if (phase == Phase.PREPARING) {
      commitIf(copied);
    }
    retireIfDone();
    resolveIfAllSaid();
    begin();
  }

  private void say(Life ended, @Nullable Life successor) {
    Order order = new Generation(term, ended, successor);
    for (Life life : List.copyOf(attached.values())) {
      actions.order(life, order);
    }
  }

  private void succeed(Life successor) {
    ModuleId module = successor.module();
    attached.put(module, successor);
    Members table = next;
    if (phase == Phase.ASKING) {
      asked.add(module);
      actions.order(successor, new Ask(term));
      return;
    }
    actions.order(successor, new Begin(term, now, table, phase == Phase.COMMITTED));
    if (table != null) {
      // for a life that had begun under an earlier coordinator
      actions.order(successor, new Prepare(term, now, table));
      if (phase == Phase.COMMITTED) {
        actions.order(successor, new Commit(term, table.epoch()));
      }
    }
  }

  /** C2, when it takes too long. */
  public void tick(long timeNs) {
    nowNs = timeNs;
    Members table = next;
    if (phase != Phase.PREPARING || table == null || nowNs - sinceNs < timing.prepareNs()) {
      return;
    }
    for (Life life : all()) {
      if (known.contains(life.module())) {
        continue;
      }
      if (!life.isWorker()) {
        generation(life, null);
        return;
      }
      if (!now.has(life.module())) {
        leftOut.add(life.module());
        abort();
        return;
      }
    }
    commitIf(known);
  }

  /** C4: all have said what they have. */
  private void resolveIfAllSaid() {
    if (phase != Phase.ASKING || !states.keySet().containsAll(asked) || states.isEmpty()) {
      return;
    }
    Collection<State> said = saidByThoseWithAPlace();
    Members newest = now;
    Members before = now;
    boolean committed = false;
    for (State state : said) {
      before = state.now().epoch() > before.epoch() ? state.now() : before;
    }
    newest = before;
    for (State state : said) {
      Members table = state.next();
      if (table != null && table.epoch() > newest.epoch()) {
        newest = table;
      }
    }
    for (State state : said) {
      Members table = state.next();
      committed |= state.committed() && table != null && table.epoch() == newest.epoch();
    }
    for (State state : said) {
      Members table = state.next();
      before = state.now().epoch() == before.epoch() ? before.and(state.now()) : before;
      newest = state.now().epoch() == newest.epoch() ? newest.and(state.now()) : newest;
      if (table != null) {
        newest = table.epoch() == newest.epoch() ? newest.and(table) : newest;
        before = table.epoch() == before.epoch() ? before.and(table) : before;
      }
    }
    told = livesTold(said);
    for (Life life : told) {
      before = newer(before, life);
      newest = newer(newest, life);
    }
    before = withoutEnded(before);
    newest = withoutEnded(newest);
    sayGoneAgain();
    for (State state : states.values()) {
      if (state.left()) {
        leave(state.from());
      }
    }
    now = before;
    highestEpoch = highestEpochSaid() + EPOCHS_LEFT_OUT;
    beginAgain(before, newest.epoch() == before.epoch() ? null : newest, committed);
    if (newest.epoch() == before.epoch()) {
      phase = Phase.IDLE;
      toAll(new Retire(term, now.epoch()));
    } else {
      prepare(newest);
      if (committed) {
        phase = Phase.COMMITTED;
        toAll(new Commit(term, newest.epoch()));
      }
    }
    replaceEnded();
    for (Life life : all()) {
      if (life.isWorker() && !attached.containsKey(life.module())) {
        takeOver(life);
      }
    }
    begin();
  }

  /**
   * To a life that has the place of another, and has not been told of any table: the order of the
   * coordinator before will be refused. Without it the life would join like one that has no
   * predecessor.
   */
  private void beginAgain(Members before, @Nullable Members coming, boolean committed) {
    for (State state : states.values()) {
      Life life = state.from();
      boolean knows = state.now().epoch() > 0 || state.next() != null;
      if (!knows && before.union(coming).contains(life)) {
        actions.order(life, new Begin(term, before, coming, committed));
      }
    }
  }

  /**
   * What counts of what modules say. When only those have a table that have left by it, all who had
   * a place have ended, or have left by a later one: there is nothing to hand over, and the old
   * table would wait for workers that nobody starts.
   */
  private Collection<State> saidByThoseWithAPlace() {
    boolean some =
        states.values().stream()
            .anyMatch(it -> !it.left() && (it.now().epoch() > 0 || it.next() != null));
    return some ? states.values() : List.of();
  }

  private int highestEpochSaid() {
    int highest = 0;
    for (State state : states.values()) {
      Members coming = state.next();
      highest = Math.max(highest, state.now().epoch());
      highest = Math.max(highest, coming == null ? 0 : coming.epoch());
    }
    return highest;
  }

  /** C6. That a guardian has ended may have been said by the one before, and refused. */
  private void sayGoneAgain() {
    for (State state : states.values()) {
      for (Life guardian : state.guardians()) {
        if (!guardian.equals(attached.get(guardian.module()))) {
          actions.order(state.from(), new Gone(term, guardian));
        }
      }
    }
  }

  /** The last life that anybody was told of has the place of a worker, others may have ended. */
  private static Members newer(Members table, Life life) {
    Life place = table.of(life.module());
    return life.isWorker() && place != null && place.generation() < life.generation()
        ? table.with(life)
        : table;
  }

  /**
   * An IO module that has ended has no place: in the old table it would be taken for its next life,
   * that joins by the new one.
   */
  private Members withoutEnded(Members table) {
    Members rest = table;
    for (Life life : table.lives()) {
      if (!life.isWorker() && !isAttached(life)) {
        rest = rest.without(life);
      }
    }
    return rest;
  }

  private static Set<Life> livesTold(Collection<State> said) {
    Set<Life> told = new LinkedHashSet<>();
    for (State state : said) {
      told.addAll(state.now().union(state.next()));
      told.addAll(state.next() == null ? List.of() : state.next().lives());
    }
    return told;
  }

  /** Lives in the tables that have ended, and lives that anybody takes for ended. */
  private void replaceEnded() {
    for (Life life : told) {
      Life present = attached.get(life.module());
      if (life.equals(present)) {
        continue;
      }
      attached.remove(life.module());
      if (!life.isWorker()) {
        generation(life, null);
      } else if (present != null) {
        generation(life, present);
      }
      if (present != null) {
        attached.put(life.module(), present);
      }
    }
    for (Life life : List.copyOf(attached.values())) {
      if (!life.isWorker()
          && (isBehind(life) || states.values().stream().anyMatch(it -> it.refuses(life)))) {
        generation(life, null);
      }
    }
  }

  /**
   * Whether a life had a place, and a later change was completed without it: it was fenced, and
   * those who knew may have ended.
   */
  private boolean isBehind(Life life) {
    State state = states.get(life.module());
    if (state == null || !state.from().equals(life) || !state.now().has(life.module())) {
      return false;
    }
    Members coming = state.next();
    return Math.max(state.now().epoch(), coming == null ? 0 : coming.epoch()) < now.epoch();
  }
}
