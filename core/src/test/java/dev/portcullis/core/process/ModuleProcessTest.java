package dev.portcullis.core.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.MetricsSource;
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
  private final ModuleProcess process = new ModuleProcess();
  private final Module module = new Module();

  @Test
  void shouldEndWithZeroAndStopTheModuleWhenAskedToStop() {
    int code = process.run(this::settings, (s, failed) -> module, m -> {}, () -> {}, () -> {}, err);

    assertEquals(0, code);
    assertTrue(module.stopped);
    assertEquals("", text.toString(StandardCharsets.UTF_8));
  }

  @Test
  void shouldPassTheExitCodeAndTheSentenceOfAModuleThatDoesNotStart() {
    int code =
        process.run(
            this::settings,
            (s, failed) -> {
              throw new ModuleException(ExitCode.INPUT, "gateway.yaml:3: spec.io: is missing");
            },
            m -> {},
            () -> {},
            () -> {},
            err);

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
        process.run(
            this::settings,
            (s, failed) -> {
              failed.accept(new ModuleException(ExitCode.FAILED, "the disk is full"));
              return module;
            },
            m -> {},
            () -> assertTrue(exited[0]),
            () -> exited[0] = true,
            err);

    assertEquals(3, code);
    assertTrue(module.stopped);
  }

  @Test
  void shouldBeReadyOnlyWhileTheModuleHasATable() {
    process.run(
        this::settings,
        (s, failed) -> module,
        m -> {
          assertTrue(process.started());
          assertFalse(process.ready());
          module.hasTable = true;
          assertTrue(process.ready());
        },
        () -> {},
        () -> {},
        err);
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
      return null;
    }

    @Override
    public MetricsSource metrics() {
      return List::of;
    }

    @Override
    public void stop() {
      stopped = true;
    }
  }
}
