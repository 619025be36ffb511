package dev.portcullis.operator;

import dev.portcullis.core.process.ModuleProcess;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.annotations.QuarkusMain;

/** Main program of the operator. */
@QuarkusMain
public final class OperatorService {

  private OperatorService() {}

  /** Runs the operator until SIGTERM or SIGINT; settings are in the environment. */
  public static void main(String... args) {
    ModuleProcess.onStopSignal(Quarkus::asyncExit);
    Quarkus.run(
        OperatorApplication.class,
        (code, failure) -> ModuleProcess.exit("operator", code, failure));
  }
}
