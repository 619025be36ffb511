package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.link.LinkLoops;
import dev.portcullis.core.link.LinkObserver;
import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.link.LinkSettings;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.ModuleLinks;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Streams between two real workers of two lanes each. */
class WorkerLinksTest {

  private static final int LANES = 2;

  private final LinkLoops loops = LinkLoops.start(2 * LANES, "test");
  private final ExecutorService management = Executors.newSingleThreadExecutor();
  private final List<AutoCloseable> closing = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable it : closing) {
      it.close();
    }
    management.shutdownNow();
    loops.close();
  }

  /** A worker that knows what it was told, and by whom it was reached. */
  private final class End {
    final List<List<Life>> told = new CopyOnWriteArrayList<>();
    final LinkLoop[] lanes = new LinkLoop[LANES];
    final ModuleLinks links;
    final WorkerLinks workers;
    final Member member;

    End(int number, boolean mesh) throws Exception {
      for (int i = 0; i < LANES; i++) {
        lanes[i] = loops.next();
      }
      WorkerLinks[] made = new WorkerLinks[1];
      links =
          ModuleLinks.create(
              ModuleId.worker(number),
              1,
              lanes,
              Map.of(),
              LinkSettings.defaults(),
              LinkSecurity.plaintext(),
              (lane, source, epoch, batch) -> {},
              new LinkObserver() {
                @Override
                public void up(ModuleId peer, int lane) {
                  made[0].changed();
                }
              });
      closing.add(links);
      member = new Member(number, 1, "127.0.0.1", links.listen("127.0.0.1", 0).getPort(), LANES);
      workers =
          new WorkerLinks(
              new Life(ModuleId.worker(number), 1, LANES),
              links,
              lanes,
              mesh,
              management,
              told::add);
      made[0] = workers;
    }

    long streams() {
      return links.readings().stream()
          .filter(it -> it.counter() == Counter.LINK_CONNECTS)
          .mapToLong(it -> it.value().getAsLong())
          .sum();
    }

    boolean isUp(End peer, int own, int lane) {
      return management(() -> links.isUp(own, ModuleId.worker(peer.member.number()), lane, 1), own);
    }

    private boolean management(BooleanSupplier asked, int own) {
      var answer = new CompletableFuture<Boolean>();
      lanes[own].execute(() -> answer.complete(asked.getAsBoolean()));
      return answer.orTimeout(10, TimeUnit.SECONDS).join();
    }
  }

  private static void await(String what, BooleanSupplier holds) throws InterruptedException {
    for (int i = 0; i < 2000 && !holds.getAsBoolean(); i++) {
      Thread.sleep(5);
    }
    assertTrue(holds.getAsBoolean(), what);
  }

  @Test
  void shouldLinkEveryLaneWithEveryLaneBeforeAWorkerHasAPlaceAndSaySo() throws Exception {
    End here = new End(0, true);
    End coming = new End(1, true);
    management.execute(() -> here.workers.joining(List.of(coming.member)));
    List<Life> life = List.of(new Life(ModuleId.worker(1), 1, LANES));
    await("it says that it is linked", () -> here.told.contains(life));
    assertEquals(LANES * LANES, here.streams());
    await("the other has the same streams", () -> coming.streams() == LANES * LANES);
    assertTrue(coming.isUp(here, 1, 0));
  }

  @Test
  void shouldLeaveItToTheLowerNumberToOpenStreams() throws Exception {
    End here = new End(0, true);
    End coming = new End(1, true);
    management.execute(() -> coming.workers.table(List.of(here.member)));
    management.execute(() -> here.workers.table(List.of(coming.member)));
    await("they are linked", () -> here.streams() == LANES * LANES);
    assertEquals(LANES * LANES, coming.streams());
  }

  @Test
  void shouldCloseStreamsToAWorkerThatIsInNoTableAnyMore() throws Exception {
    End here = new End(0, true);
    End leaving = new End(1, true);
    management.execute(() -> here.workers.table(List.of(here.member, leaving.member)));
    await("they are linked", () -> here.isUp(leaving, 0, 1));
    management.execute(() -> here.workers.coming(List.of(here.member)));
    management.execute(() -> here.workers.table(List.of(here.member)));
    await("the streams are gone", () -> !here.isUp(leaving, 0, 1) && !here.isUp(leaving, 1, 0));
  }

  @Test
  void shouldLinkEachLaneWithItsLikeWhereSwitchesRelay() throws Exception {
    End here = new End(0, false);
    End other = new End(1, false);
    management.execute(() -> here.workers.table(List.of(here.member, other.member)));
    await("they are linked", () -> here.streams() == LANES);
    assertTrue(here.isUp(other, 1, 1));
    assertEquals(List.of(), here.told);
  }
}
