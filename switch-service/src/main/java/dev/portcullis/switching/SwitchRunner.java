package dev.portcullis.switching;

import dev.portcullis.core.process.ExitCode;
import dev.portcullis.core.process.ModuleException;
import dev.portcullis.core.process.ModuleRunner;
import dev.portcullis.core.process.ModuleSettings;
import dev.portcullis.core.process.RunningModule;
import jakarta.inject.Singleton;
import java.util.function.Consumer;

/** Puts the switch together out of plain objects and starts it. */
@Singleton
class SwitchRunner implements ModuleRunner {

  @Override
  public RunningModule start(ModuleSettings settings, Consumer<ModuleException> failed)
      throws ModuleException {
    throw new ModuleException(ExitCode.FAILED, "the switch is not part of this build");
  }
}
