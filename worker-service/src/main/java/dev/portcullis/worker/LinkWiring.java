package dev.portcullis.worker;

import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.link.ModuleLinks;
import dev.portcullis.worker.stage.Outlets;
import org.jspecify.annotations.Nullable;

/** Shards of a worker on the loops of its links: shard {@code i} is lane {@code i}. Any thread. */
public final class LinkWiring implements Wiring {

  private final LinkLoop[] lanes;
  private final ModuleLinks links;

  /**
   * Wires a worker to links that were created with the same loops.
   *
   * @param lanes the loop of each shard
   */
  public LinkWiring(LinkLoop[] lanes, ModuleLinks links) {
    this.lanes = lanes.clone();
    this.links = links;
  }

  @Override
  public void execute(int shard, Runnable task) {
    lanes[shard].execute(task);
  }

  @Override
  public Outlets outlets(int shard) {
    return (destination, lane) -> links.outlet(shard, destination, lane);
  }

  @Override
  public void epoch(int shard, int epoch) {
    links.epoch(shard, epoch);
  }

  @Override
  public void watch(int shard, ModuleLinks.@Nullable Acknowledged it) {
    links.watch(shard, it);
  }

  @Override
  public long generation() {
    return links.generation();
  }

  @Override
  public void afterBatches(int shard, Runnable task) {
    links.afterBatches(shard, task);
  }
}
