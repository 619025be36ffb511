package dev.portcullis.worker.stage;

import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.Outlet;
import org.jspecify.annotations.Nullable;

/** The channels that a shard can send on. Thread: the shard. */
@FunctionalInterface
public interface Outlets {

  /**
   * Returns the channel to a lane of a module, null where there is no way to it; asked once per
   * destination and table.
   */
  @Nullable Outlet to(ModuleId destination, int destinationLane);
}
