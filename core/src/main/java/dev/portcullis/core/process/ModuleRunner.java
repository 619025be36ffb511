package dev.portcullis.core.process;

import java.util.function.Consumer;

/** Makes a module out of settings and starts it: what a service fills in. */
@FunctionalInterface
public interface ModuleRunner {

  /**
   * Starts the module and returns without waiting for its table.
   *
   * @param settings checked settings
   * @param failed takes the reason when the module cannot go on later; any thread; ends the process
   * @return the module, running
   * @throws ModuleException when it cannot start: a fault in the configuration (1), a name that the
   *     configuration does not have (2), a port that is taken (3)
   */
  RunningModule start(ModuleSettings settings, Consumer<ModuleException> failed)
      throws ModuleException;
}
