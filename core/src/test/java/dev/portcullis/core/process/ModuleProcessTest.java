package dev.portcullis.core.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.MetricsSource;
import dev.portcullis.core.counters.Reading;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ModuleProcessTest {

  private final ByteArrayOutputStream text = new ByteArrayOutputStream();
  private final PrintStream err = new PrintStream(text, true, StandardCharsets.UTF_8);
  private final ByteArrayOutputStream said = new ByteArrayOutputStream();
  private final PrintStream out = new PrintStream(said, true, StandardCharsets.UTF_8);
  private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
  private final Meters meters = new Meters(registry);
  private final ModuleProcess process = new ModuleProcess("worker");
  private final Module module = new Module();

  @Test
  void shouldEndWithZeroAndStopTheModuleWhenAskedToStop() {
    int code = run((s, failed) -> module, () -> {}, () -> {});

    assertEquals(0, code);
    assertTrue(module.stopped);
    assertEquals("", text.toString(StandardCharsets.UTF_8));
  }

  @Test
  void shouldPassTheExitCodeAndTheSentenceOfAModuleThatDoesNotStart() {
    int code =
        run(
            (s, failed) -> {
              throw new ModuleException(ExitCode.INPUT, "gateway.yaml:3: spec.io: is missing");
            },
            () -> {},
            () -> {});

    assertEquals(1, code);
    assertEquals(
        "gateway.yaml:3: spec.io: is missing" + System.lineSeparator(),
        text.toString(StandardCharsets.UTF_8));
    assertFalse(process.live());
    assertFalse(process.started());
  }

  @Test
  void shouldStopTheModuleThatFailsLaterAndPassItsExitCode() {
    boolean[] exited = new boolean[1];

    int code =
        run(
            (s, failed) -> {
              failed.accept(new ModuleException(ExitCode.FAILED, "the disk is full"));
              return module;
            },
            () -> assertTrue(exited[0]),
            () -> exited[0] = true);

    assertEquals(3, code);
    assertTrue(module.stopped);
  }

  @Test
  void shouldBeReadyOnlyWhileTheModuleHasATable() {
    run(
        (s, failed) -> module,
        () -> {
          assertTrue(process.started());
          assertFalse(process.ready());
          module.hasTable = true;
          assertTrue(process.ready());
        },
        () -> {});
  }

  @Test
  void shouldSayWhereItCanBeReachedAndShowTheNumbersOfTheModule() {
    run((s, failed) -> module, () -> {}, () -> {});

    assertEquals(
        "worker 0: links on 127.0.0.1:7401, health and metrics on 127.0.0.1:8080"
            + System.lineSeparator(),
        said.toString(StandardCharsets.UTF_8));
    assertEquals(5, registry.get("portcullis_table_workers").gauge().value());
  }

  private int run(ModuleRunner runner, Runnable untilExit, Runnable exit) {
    try (meters) {
      return process.run(
          this::settings,
          runner,
          meters,
          new HostPort("127.0.0.1", 8080),
          untilExit,
          exit,
          out,
          err);
    }
  }

  private ModuleSettings settings() throws ModuleException {
    return ModuleSettings.of(
        "0",
        List.of(Path.of("gateway.yaml")),
        "127.0.0.1:0",
        null,
        List.of("[::1]:7400"),
        LinkIdentity.of(null, null, null, true),
        null);
  }

  private static final class Module implements RunningModule {
    boolean hasTable;
    boolean stopped;

    @Override
    public boolean ready() {
      return hasTable;
    }

    @Override
    public @Nullable HostPort links() {
      return new HostPort("127.0.0.1", 7401);
    }

    @Override
    public MetricsSource metrics() {
      return () -> List.of(new Reading(Counter.TABLE_WORKERS, List.of(), () -> 5));
    }

    @Override
    public void stop() {
      stopped = true;
    }
  }
}
