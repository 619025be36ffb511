package dev.portcullis.worker;

import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.link.ModuleLinks;
import dev.portcullis.worker.stage.Outlets;
import org.jspecify.annotations.Nullable;

/**
 * A worker on the threads of another one, without links until it {@linkplain #begin begins}: what
 * it sends before goes nowhere.
 */
final class PassiveWiring implements Wiring {

  private final LinkLoop[] lanes;
  private volatile @Nullable LinkWiring wiring;

  PassiveWiring(LinkLoop[] lanes) {
    this.lanes = lanes.clone();
  }

  /** From now on it has links. */
  void begin(ModuleLinks links) {
    wiring = new LinkWiring(lanes, links);
  }

  @Override
  public void execute(int shard, Runnable task) {
    lanes[shard].execute(task);
  }

  @Override
  public Outlets outlets(int shard) {
    return (destination, lane) -> {
      LinkWiring now = wiring;
      return now == null ? null : now.outlets(shard).to(destination, lane);
    };
  }

  @Override
  public void epoch(int shard, int epoch) {
    LinkWiring now = wiring;
    if (now != null) {
      now.epoch(shard, epoch);
    }
  }

  @Override
  public void watch(int shard, ModuleLinks.@Nullable Acknowledged it) {
    LinkWiring now = wiring;
    if (now != null) {
      now.watch(shard, it);
    }
  }

  @Override
  public long generation() {
    LinkWiring now = wiring;
    return now == null ? 0 : now.generation();
  }

  @Override
  public void afterBatches(int shard, Runnable task) {
    LinkWiring now = wiring;
    if (now != null) {
      now.afterBatches(shard, task);
    }
  }
}
