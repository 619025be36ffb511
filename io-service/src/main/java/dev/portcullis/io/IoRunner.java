package dev.portcullis.io;

import dev.portcullis.core.process.ExitCode;
import dev.portcullis.core.process.ModuleException;
import dev.portcullis.core.process.ModuleRunner;
import dev.portcullis.core.process.ModuleSettings;
import dev.portcullis.core.process.RunningModule;
import jakarta.inject.Singleton;
import java.util.function.Consumer;

/** Puts the IO module together out of plain objects and starts it. */
@Singleton
class IoRunner implements ModuleRunner {

  @Override
  public RunningModule start(ModuleSettings settings, Consumer<ModuleException> failed)
      throws ModuleException {
    throw new ModuleException(ExitCode.FAILED, "the IO module is not part of this build");
  }
}
