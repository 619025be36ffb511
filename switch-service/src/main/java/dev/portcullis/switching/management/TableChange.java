package dev.portcullis.switching.management;

import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.elastic.ChangeCoordinator;
import dev.portcullis.core.elastic.ControlMessage.Answer;
import dev.portcullis.core.elastic.ControlMessage.Begin;
import dev.portcullis.core.elastic.ControlMessage.Commit;
import dev.portcullis.core.elastic.ControlMessage.Done;
import dev.portcullis.core.elastic.ControlMessage.Order;
import dev.portcullis.core.elastic.ControlMessage.Prepare;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.elastic.Members;
import dev.portcullis.core.elastic.Timing;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.management.ChangeOrder;
import dev.portcullis.core.management.ChangeShare;
import dev.portcullis.core.management.ChangeWire;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * One change from a table to another with other workers: {@link ChangeCoordinator} with the
 * addresses that it does not know. Not thread-safe.
 */
final class TableChange {

  /** A step for a module. */
  record Outgoing(Life to, ChangeOrder order) {}

  private final ChangeCoordinator machine;
  private final Map<ModuleId, Member> addresses = new HashMap<>();
  private final List<Outgoing> said = new ArrayList<>();
  private final List<Integer> from;
  private final List<Integer> wanted;
  private final List<ModuleId> leaving;
  private final Map<ModuleId, Long> done = new LinkedHashMap<>();
  private final Set<ModuleId> members = new LinkedHashSet<>();
  private final int before;
  private final long beganNs;
  private ChangeShare share = ChangeShare.NONE;
  private long switchedNs;
  private long nowNs;
  private int heard;

  /**
   * Begins.
   *
   * @param term life of the switch module
   * @param epoch number of the present table
   * @param now its workers
   * @param next workers of the table that is wanted
   * @param io IO modules that are there
   * @param leaving those of them that are to have no place in the next table
   * @param timeNs now, for {@link #tick}
   */
  TableChange(
      long term,
      int epoch,
      List<Member> now,
      List<Member> next,
      List<Life> io,
      List<ModuleId> leaving,
      long timeNs) {
    this.leaving = List.copyOf(leaving);
    before = epoch;
    beganNs = timeNs;
    nowNs = timeNs;
    from = now.stream().map(Member::number).toList();
    wanted = next.stream().map(Member::number).toList();
    now.forEach(it -> addresses.put(ModuleId.worker(it.number()), it));
    next.forEach(it -> addresses.put(ModuleId.worker(it.number()), it));
    List<Life> lives = new ArrayList<>(now.stream().map(ChangeWire::life).toList());
    lives.addAll(io);
    machine =
        new ChangeCoordinator(term, new Members(epoch, lives), Timing.DEFAULT, this::outgoing);
    machine.tick(timeNs);
    List<ModuleId> modules = new ArrayList<>(io.stream().map(Life::module).toList());
    modules.removeAll(leaving);
    for (Member it : next) {
      machine.attach(ChangeWire.life(it));
      modules.add(ModuleId.worker(it.number()));
    }
    machine.wanted(modules);
  }

  private void outgoing(Life to, Order order) {
    if (order instanceof Begin) {
      return; // its directive has said it
    }
    if (order instanceof Commit && switchedNs == 0) {
      switchedNs = Math.max(1, nowNs - beganNs);
    }
    members.add(to.module());
    said.add(
        new Outgoing(
            to,
            order instanceof Prepare it
                ? new ChangeOrder(order, workers(it.now()), workers(it.next()))
                : ChangeOrder.of(order)));
  }

  private List<Member> workers(Members table) {
    return table.workers().stream()
        .map(it -> Objects.requireNonNull(addresses.get(it.module())))
        .toList();
  }

  /** Returns the steps that were decided since the last call. */
  List<Outgoing> steps() {
    List<Outgoing> steps = List.copyOf(said.subList(heard, said.size()));
    heard = said.size();
    return steps;
  }

  /** Returns all steps for a module that may have missed some; they may come twice. */
  List<Outgoing> stepsAgain(ModuleId module) {
    return said.subList(0, heard).stream().filter(it -> it.to().module().equals(module)).toList();
  }

  /** Whether a life takes part. */
  boolean has(Life life) {
    Members coming = machine.next();
    return life.equals(machine.now().of(life.module()))
        || coming != null && life.equals(coming.of(life.module()));
  }

  /** Whether a module takes part. */
  boolean has(ModuleId module) {
    Members coming = machine.next();
    return machine.now().has(module) || coming != null && coming.has(module);
  }

  /**
   * A module says something.
   *
   * @param of what the change was for it, if it is done
   */
  void answer(Answer answer, ChangeShare of, long timeNs) {
    nowNs = timeNs;
    if (answer instanceof Done it
        && done.putIfAbsent(it.from().module(), timeNs - beganNs) == null) {
      share = share.and(of);
    }
    machine.answer(answer);
  }

  /** Time passes. */
  void tick(long timeNs) {
    nowNs = timeNs;
    machine.tick(timeNs);
  }

  /** Returns what it was, when it is over. */
  ScaleEvent event(ScaleEvent.Result result, int epoch) {
    Map<ModuleId, Long> lastFirst = new LinkedHashMap<>();
    done.entrySet().stream()
        .sorted(Map.Entry.<ModuleId, Long>comparingByValue().reversed())
        .forEach(it -> lastFirst.put(it.getKey(), it.getValue()));
    List<ModuleId> missing = members.stream().filter(it -> !done.containsKey(it)).toList();
    return new ScaleEvent(
        epoch,
        from,
        wanted,
        leaving,
        result,
        nowNs - beganNs,
        switchedNs,
        share,
        lastFirst,
        missing);
  }

  /** How long it takes already. */
  long durationNs(long timeNs) {
    return timeNs - beganNs;
  }

  /** Whether it is over. */
  boolean isOver() {
    return machine.next() == null && machine.idle();
  }

  /** Whether modules were told to go over to the next table. */
  boolean hasSwitched() {
    return switchedNs != 0;
  }

  /** Whether another table holds now. */
  boolean hasChanged() {
    return machine.now().epoch() > before;
  }

  /** IO modules that have no place in the table that was wanted. */
  List<ModuleId> leaving() {
    return leaving;
  }

  /** Number of the table that holds now. */
  int epoch() {
    return machine.now().epoch();
  }

  /** The highest number that was given to a table. */
  int highestEpoch() {
    int highest = machine.now().epoch();
    for (Outgoing it : said) {
      if (it.order().order() instanceof Prepare prepare) {
        highest = Math.max(highest, prepare.next().epoch());
      }
    }
    return highest;
  }

  /** Workers of the table that holds now. */
  List<Member> workers() {
    return workers(machine.now());
  }
}
