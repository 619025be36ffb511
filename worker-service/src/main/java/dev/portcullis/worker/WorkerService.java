package dev.portcullis.worker;

import dev.portcullis.core.process.ExitCode;
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
    Quarkus.run(WorkerApplication.class, WorkerService::exit);
  }

  private static void exit(int code, Throwable failure) {
    if (failure == null) {
      System.exit(code);
    }
    Throwable cause = failure;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    System.err.println("the worker does not start: " + cause.getMessage());
    System.exit(ExitCode.FAILED);
  }
}
