package dev.portcullis.worker;

import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.ModuleLinks;
import dev.portcullis.core.management.ChangeWire;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Streams of a worker to the other workers. Of two workers the one with the lower number opens
 * them.
 *
 * <p>With {@code switch.mode: mesh} every lane has a stream to every lane of the others, and they
 * carry all that workers send each other. A worker that has no place in the table yet has them
 * before it gets one. Otherwise, where state is replicated, each lane has one to the same lane of
 * the others.
 *
 * <p>Threads: {@link #changed} on any, the rest on that of management.
 */
final class WorkerLinks {

  private final Life self;
  private final ModuleLinks links;
  private final LinkLoop[] lanes;
  private final boolean mesh;
  private final Executor management;
  private final Consumer<List<Life>> linked;
  private final Set<ModuleId> dialled = new HashSet<>();
  private final AtomicBoolean asked = new AtomicBoolean();
  private final List<List<Life>> up = new ArrayList<>();
  private List<Member> table = List.of();
  private List<Member> coming = List.of();
  private List<Member> joining = List.of();
  private List<Life> told = List.of();

  /**
   * Opens nothing yet.
   *
   * @param self the worker
   * @param links its links
   * @param lanes the loop of each of its lanes
   * @param mesh whether every lane is linked with every lane
   * @param management runs tasks on the thread of management
   * @param linked takes the workers without a place in the table to which all streams are up
   */
  WorkerLinks(
      Life self,
      ModuleLinks links,
      LinkLoop[] lanes,
      boolean mesh,
      Executor management,
      Consumer<List<Life>> linked) {
    this.self = self;
    this.links = links;
    this.lanes = lanes.clone();
    this.mesh = mesh;
    this.management = management;
    this.linked = linked;
    for (int lane = 0; lane < lanes.length; lane++) {
      up.add(List.of());
    }
  }

  /** These are the workers of the table that holds. */
  void table(List<Member> workers) {
    table = workers;
    coming = List.of();
    open();
  }

  /** These are the workers of the table that is coming; none: a step that does not name them. */
  void coming(List<Member> workers) {
    if (!workers.isEmpty()) {
      coming = workers;
      open();
    }
  }

  /** These are ready and have no place in the table: all there are. */
  void joining(List<Member> workers) {
    joining = workers;
    told = List.of();
    open();
    changed();
  }

  private void open() {
    Map<ModuleId, Member> now = new HashMap<>();
    Stream.of(table, coming, joining)
        .flatMap(List::stream)
        .filter(it -> it.number() > self.module().number())
        .forEach(it -> now.put(ModuleId.worker(it.number()), it));
    dialled.removeAll(now.keySet());
    dialled.forEach(links::disconnect);
    dialled.clear();
    dialled.addAll(now.keySet());
    now.values().forEach(this::open);
  }

  private void open(Member it) {
    for (int own = 0; own < lanes.length; own++) {
      for (int lane = 0; lane < it.shards(); lane++) {
        if (mesh || own == lane) {
          links.connect(ModuleId.worker(it.number()), lane, own, it.host(), it.port());
        }
      }
    }
  }

  /** A stream has come up or gone down: tells when others have all their streams now. */
  void changed() {
    if (mesh && asked.compareAndSet(false, true)) {
      management.execute(this::ask);
    }
  }

  /** Each lane knows its own streams. */
  private void ask() {
    asked.set(false);
    List<Member> of = joining;
    for (int i = 0; i < lanes.length; i++) {
      int own = i;
      lanes[own].execute(
          () -> {
            List<Life> lives =
                of.stream().filter(it -> isUp(own, it)).map(ChangeWire::life).toList();
            management.execute(() -> answer(own, lives));
          });
    }
  }

  private boolean isUp(int own, Member it) {
    for (int lane = 0; lane < it.shards(); lane++) {
      if (!links.isUp(own, ModuleId.worker(it.number()), lane, it.generation())) {
        return false;
      }
    }
    return true;
  }

  private void answer(int own, List<Life> lives) {
    up.set(own, lives);
    List<Life> now = new ArrayList<>(up.getFirst());
    up.forEach(now::retainAll);
    if (!now.equals(told)) {
      told = List.copyOf(now);
      linked.accept(told);
    }
  }
}
