package dev.portcullis.switching;

import dev.portcullis.core.process.ModuleArguments;
import dev.portcullis.core.process.ModuleProcess;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.annotations.QuarkusMain;
import java.util.OptionalInt;

/** Main program of the switch. */
@QuarkusMain
public final class SwitchService {

  private SwitchService() {}

  /** Runs the switch until SIGTERM or SIGINT; {@code --help} lists the arguments. */
  public static void main(String... args) {
    OptionalInt end = ModuleArguments.switching().apply(args, System.out, System.err);
    if (end.isPresent()) {
      System.exit(end.getAsInt());
    }
    ModuleProcess.onStopSignal(Quarkus::asyncExit);
    Quarkus.run(
        SwitchApplication.class, (code, failure) -> ModuleProcess.exit("switch", code, failure));
  }
}
