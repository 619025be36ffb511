package dev.portcullis.standalone.bench;

import dev.portcullis.core.counters.Counter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;

/**
 * B12: for how long a change of the number of workers blocks live traffic, in milliseconds: the
 * packets that got lost in a window with a change, divided by the rate at which they were offered,
 * which is one at which a window without a change loses nothing (as FD.io's reconfiguration tests
 * do). The line also says how many flows broke over all changes.
 */
final class ScaleBenchmark implements Benchmark {

  private static final Title TITLE =
      new Title("B12", "scale-event-blocked/ms", "64B", "50", "0", true);
  private static final int WORKERS = 5;
  private static final int HEAP_MEGABYTES = 256;

  /** Workers after each change, over and over; the gateway begins with three. */
  private static final int[] STEPS = {5, 2, 3};

  private static final double WINDOW_SECONDS = 4;
  private static final long BEFORE_CHANGE_MS = 1500;
  private static final int CHANGE_SECONDS = 40;

  /** What is taken of the rate of which less than 1 % gets lost, to begin with. */
  private static final double BEGIN = 0.5;

  private static final double DOWN = 0.8;
  private static final int MOST_TRIES = 20;

  @Override
  public Title title() {
    return TITLE;
  }

  @Override
  public Rig open() throws IOException, InterruptedException {
    List<String> programs = new ArrayList<>(KernelRouter.PROGRAMS);
    programs.add("curl");
    Command.require(TITLE.id(), programs);
    Command.requireRoot(TITLE.id(), "network namespaces, BPF and packet sockets");
    Cleanup cleanup = new Cleanup();
    try {
      KernelRouter router = KernelRouter.up(cleanup);
      Path yaml = Unpacked.file("scale.yaml", cleanup);
      SoakGateway gateway =
          SoakGateway.start(router, SoakGateway.home(), yaml, WORKERS, HEAP_MEGABYTES, cleanup);
      WireGateway.awaitForwarding(router);
      Throughput capacity = new Throughput(router, SoakGateway.TRAFFIC, 1, () -> {});
      capacity.warmUp();
      return new ScaleRig(cleanup, router, gateway, yaml, BEGIN * capacity.rate());
    } catch (IOException | InterruptedException | RuntimeException e) {
      cleanup.close();
      throw e;
    }
  }

  private static final class ScaleRig implements Rig {
    private final Cleanup cleanup;
    private final KernelRouter router;
    private final SoakGateway gateway;
    private final Path yaml;
    private double rate;
    private int changes;

    ScaleRig(
        Cleanup cleanup, KernelRouter router, SoakGateway gateway, Path yaml, double firstRate) {
      this.cleanup = cleanup;
      this.router = router;
      this.gateway = gateway;
      this.yaml = yaml;
      this.rate = firstRate;
    }

    @Override
    public double measure(Side side) throws IOException, InterruptedException {
      if (side == Side.REFERENCE) {
        lossFree();
        return 1;
      }
      int workers = STEPS[changes++ % STEPS.length];
      CompletableFuture<Void> change =
          CompletableFuture.runAsync(
              () -> change(workers),
              CompletableFuture.delayedExecutor(BEFORE_CHANGE_MS, TimeUnit.MILLISECONDS));
      KernelRouter.Window window = router.measure(WINDOW_SECONDS, SoakGateway.TRAFFIC, rate);
      try {
        change.join();
      } catch (CompletionException e) {
        throw new IOException("the number of workers could not be changed: " + e.getCause(), e);
      }
      awaitChanged();
      double offered = window.sent() / window.seconds();
      return Math.max(0, window.sent() - window.delivered()) / offered * 1000;
    }

    /** Makes the rate smaller until a window loses nothing. */
    private void lossFree() throws IOException, InterruptedException {
      for (int i = 0; i < MOST_TRIES; i++) {
        KernelRouter.Window window = router.measure(WINDOW_SECONDS, SoakGateway.TRAFFIC, rate);
        if (window.delivered() >= window.sent()) {
          return;
        }
        rate *= DOWN;
      }
      throw new IOException("every window loses packets without a change, however slow it is.");
    }

    private void change(int workers) {
      try {
        String now = Files.readString(yaml);
        Files.writeString(yaml, now.replaceFirst("quantity: \\d+", "quantity: " + workers));
        gateway.readAgain();
      } catch (IOException e) {
        throw new CompletionException(e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new CompletionException(e);
      }
    }

    private void awaitChanged() throws IOException, InterruptedException {
      List<String> results = gateway.changes();
      for (int i = 0; results.size() < changes && i < 10 * CHANGE_SECONDS; i++) {
        Thread.sleep(100);
        results = gateway.changes();
      }
      if (results.size() < changes || !results.getLast().equals("done")) {
        throw new IOException("a change of the number of workers has not ended well: " + results);
      }
    }

    @Override
    public String remark() throws IOException, InterruptedException {
      SoakBooks books = gateway.books();
      return String.format(
          Locale.ROOT,
          "broken=%d moved=%d offered=%.3gMpps",
          books.sum(Counter.SCALE_FLOWS_BROKEN),
          books.sum(Counter.SCALE_FLOWS_MOVED),
          rate / 1e6);
    }

    @Override
    public void close() {
      cleanup.close();
    }
  }
}
