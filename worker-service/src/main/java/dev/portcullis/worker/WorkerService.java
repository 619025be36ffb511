package dev.portcullis.worker;

import dev.portcullis.core.process.ModuleArguments;
import dev.portcullis.core.process.ModuleProcess;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.annotations.QuarkusMain;
import java.util.OptionalInt;

/** Main program of the worker. */
@QuarkusMain
public final class WorkerService {

  private WorkerService() {}

  /** Runs the worker until SIGTERM or SIGINT; {@code --help} lists the arguments. */
  public static void main(String... args) {
    OptionalInt end = ModuleArguments.worker().apply(args, System.out, System.err);
    if (end.isPresent()) {
      System.exit(end.getAsInt());
    }
    ModuleProcess.onStopSignal(Quarkus::asyncExit);
    Quarkus.run(
        WorkerApplication.class, (code, failure) -> ModuleProcess.exit("worker", code, failure));
  }
}
