package dev.portcullis.switching.management;

import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.elastic.ControlMessage.Gone;
import dev.portcullis.core.elastic.ControlMessage.Guard;
import dev.portcullis.core.elastic.ControlMessage.Guarded;
import dev.portcullis.core.elastic.ControlMessage.Guarding;
import dev.portcullis.core.elastic.ControlMessage.Order;
import dev.portcullis.core.elastic.ControlMessage.Takeover;
import dev.portcullis.core.elastic.Guards;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.management.ChangeOrder;
import dev.portcullis.core.management.ChangeWire;
import dev.portcullis.switching.management.Refusal.Cause;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Who keeps whose replica, and who goes on where a worker is gone: {@link Guards} on the events of
 * the {@link Coordinator}.
 *
 * <p>A worker whose stream has ended and who does not come back at once is <em>away</em>. Its
 * guardian is told to go on, again and again; it does so when its own connection to that worker has
 * ended, too ({@code docs/elasticity.md}). So a broken link alone is no dead worker. Not
 * thread-safe.
 */
final class Guardians {

  /** How long a worker may be away without consequences: it tries again after 100 ms. */
  private static final long GRACE_NS = 100_000_000L;

  /** How often who is concerned is told again. */
  private static final long AGAIN_NS = 300_000_000L;

  /** How long it is said of a life that nobody goes on from. */
  private static final long LONGEST_NS = 60_000_000_000L;

  private static final class Away {
    final long sinceNs;
    long toldNs;

    Away(long sinceNs) {
      this.sinceNs = sinceNs;
      this.toldNs = sinceNs - AGAIN_NS;
    }
  }

  /** A replica of a worker at a guardian. */
  private record Kept(Life of, Life at) {}

  private final long term;
  private final Guards guards = new Guards();
  private final Map<ModuleId, Life> present = new LinkedHashMap<>();
  private final Set<Life> ready = new HashSet<>();
  private final Map<Life, Away> away = new LinkedHashMap<>();
  private final Map<Life, Life> told = new HashMap<>();
  private final Map<Life, Set<Life>> asked = new HashMap<>();
  private final Set<Kept> outdated = new HashSet<>();
  private final List<TableChange.Outgoing> orders = new ArrayList<>();
  private List<Member> workers = List.of();

  Guardians(long term) {
    this.term = term;
  }

  private void say(Life to, Order order) {
    orders.add(new TableChange.Outgoing(to, ChangeOrder.of(order)));
  }

  /** Returns what is to be said and was not returned before. */
  List<TableChange.Outgoing> orders() {
    List<TableChange.Outgoing> all = List.copyOf(orders);
    orders.clear();
    return all;
  }

  /** A table holds. */
  void table(List<Member> members) {
    workers = members;
    assign();
  }

  private boolean isPresent(Life it) {
    return it.equals(present.get(it.module()));
  }

  private boolean isMember(Life it) {
    return workers.stream().map(ChangeWire::life).anyMatch(it::equals);
  }

  private void assign() {
    List<Life> there =
        workers.stream()
            .map(ChangeWire::life)
            .filter(this::isPresent)
            .filter(ready::contains)
            .toList();
    guards
        .changes(there, there)
        .forEach(
            (worker, guardian) -> {
              told.put(worker, guardian);
              asked.computeIfAbsent(worker, of -> new LinkedHashSet<>()).add(guardian);
              say(worker, new Guard(term, guardian));
            });
  }

  /**
   * Why a worker cannot begin: another life of it goes on from a replica, or is about to. Null when
   * it can.
   *
   * @param before the life that was known before
   */
  @Nullable Refusal occupied(Life before, Life hello, long nowNs) {
    boolean isSame = before.generation() == hello.generation();
    if (isSame || isGuest(before, hello)) {
      return null;
    }
    boolean goesOn = isPresent(before) && guards.isGuest(before);
    boolean canGoOn =
        isMember(before) && guards.replicasOf(before).stream().anyMatch(this::isPresent);
    if (canGoOn && !goesOn) {
      present.remove(before.module(), before);
      away.putIfAbsent(before, new Away(nowNs - GRACE_NS));
    }
    return goesOn || canGoOn
        ? new Refusal(
            Cause.OCCUPIED,
            hello.module() + " goes on in the process of its guardian; it leaves that first")
        : null;
  }

  /** A life that goes on from a replica has the next number; any other begins with the clock. */
  private boolean isGuest(Life before, Life hello) {
    return hello.generation() == before.generation() + 1 && guards.isTakenOver(before.module());
  }

  /** A worker is there. */
  void attached(@Nullable Life before, Life it) {
    boolean isNew = before == null || before.generation() != it.generation();
    if (isNew && before != null) {
      if (isGuest(before, it)) {
        Life host = guards.takeOver(before);
        guards.hosted(it, host == null ? before : host);
      }
      guards.replaced(before);
      guards.gone(before);
      outdated.removeIf(kept -> kept.of().equals(before) || kept.at().equals(before));
      ready.remove(before);
      told.remove(before);
      asked.remove(before);
      asked.values().forEach(guardians -> guardians.remove(before));
      away.remove(before);
    }
    present.put(it.module(), it);
    away.remove(it);
    Life guardian = told.get(it);
    if (!isNew && guardian != null) {
      say(it, new Guard(term, guardian));
      if (guards.isGuarded(it, guardian)) {
        say(it, new Guarded(term, guardian));
      }
    }
    told.forEach(
        (worker, by) -> {
          if (by.equals(it) && outdated.contains(new Kept(worker, by))) {
            say(worker, new Guard(term, by));
          }
        });
    assign();
  }

  /** A worker has a table: it can take replicas from now on, and has addresses for its own. */
  void acknowledged(Life it) {
    if (ready.add(it)) {
      assign();
    }
  }

  /** The stream of a worker has ended. */
  void detached(ModuleId module, long nowNs) {
    Life it = present.remove(module);
    if (it != null) {
      away.put(it, new Away(nowNs));
    }
  }

  /**
   * A guardian says what it has, or a worker of itself: it waits no more for those that have gone,
   * so what these have of it is out of date, until they begin anew.
   */
  void guarding(Guarding it) {
    if (it.from().equals(it.of())) {
      asked.getOrDefault(it.of(), Set.of()).stream()
          .filter(guardian -> !isPresent(guardian))
          .forEach(guardian -> outdated(it.of(), guardian));
      return;
    }
    Kept kept = new Kept(it.of(), it.from());
    if (it.full() && outdated.contains(kept)) {
      return;
    }
    outdated.remove(kept);
    guards.guarding(it.from(), it.of(), it.full());
    if (it.full() && guards.isGuarded(it.of(), it.from())) {
      say(it.of(), new Guarded(term, it.from()));
    }
  }

  private void outdated(Life of, Life guardian) {
    outdated.add(new Kept(of, guardian));
    guards.guarding(guardian, of, false);
  }

  /** Time passes. */
  void tick(long nowNs) {
    away.entrySet().removeIf(it -> nowNs - it.getValue().sinceNs > LONGEST_NS);
    away.forEach(
        (life, since) -> {
          if (nowNs - since.sinceNs >= GRACE_NS && nowNs - since.toldNs >= AGAIN_NS) {
            since.toldNs = nowNs;
            gone(life);
          }
        });
  }

  private void gone(Life life) {
    for (Life it : List.copyOf(guards.replicasOf(life))) {
      if (!isPresent(it)) {
        guards.guarding(it, life, false);
      }
    }
    Life guardian = isMember(life) ? guards.takeOver(life) : null;
    if (guardian != null) {
      say(guardian, new Takeover(term, life));
    } else {
      present.values().forEach(it -> say(it, new Gone(term, life)));
    }
    assign();
  }
}
