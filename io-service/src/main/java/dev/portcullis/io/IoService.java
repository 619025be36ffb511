package dev.portcullis.io;

import dev.portcullis.core.process.ModuleArguments;
import dev.portcullis.core.process.ModuleProcess;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.annotations.QuarkusMain;
import java.util.OptionalInt;

/** Main program of the IO module. */
@QuarkusMain
public final class IoService {

  private IoService() {}

  /** Runs the IO module until SIGTERM or SIGINT; {@code --help} lists the arguments. */
  public static void main(String... args) {
    OptionalInt end = ModuleArguments.io().apply(args, System.out, System.err);
    if (end.isPresent()) {
      System.exit(end.getAsInt());
    }
    ModuleProcess.onStopSignal(Quarkus::asyncExit);
    Quarkus.run(
        IoApplication.class, (code, failure) -> ModuleProcess.exit("IO module", code, failure));
  }
}
