package dev.portcullis.operator;

import dev.portcullis.core.process.ExitCode;
import dev.portcullis.core.process.Meters;
import dev.portcullis.core.process.ModuleException;
import dev.portcullis.operator.gateway.GatewayOperator;
import dev.portcullis.operator.gateway.OperatorCounts;
import dev.portcullis.operator.gateway.OperatorSettings;
import dev.portcullis.operator.gateway.SwitchPages;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.javaoperatorsdk.operator.OperatorException;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.QuarkusApplication;
import jakarta.inject.Singleton;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;

/** Runs the operator between the start and the end of Quarkus. */
public final class OperatorApplication implements QuarkusApplication {

  private static final int SWITCH_HTTP_PORT = 8080;

  private final OperatorConfig config;
  private final Process process;
  private final MeterRegistry registry;

  OperatorApplication(OperatorConfig config, Process process, MeterRegistry registry) {
    this.config = config;
    this.process = process;
    this.registry = registry;
  }

  /** The operator that runs in this process. Any thread. */
  @Singleton
  static final class Process {

    private volatile @Nullable GatewayOperator operator;

    boolean started() {
      return operator != null;
    }

    boolean live() {
      GatewayOperator running = operator;
      return running == null || running.live();
    }
  }

  @Override
  public int run(String... args) {
    try (Meters meters = new Meters(registry)) {
      OperatorSettings settings = config.settings();
      OperatorCounts counts = new OperatorCounts();
      KubernetesClient client =
          new KubernetesClientBuilder()
              .withKubernetesSerialization(GatewayOperator.serialization())
              .build();
      try (GatewayOperator operator =
          GatewayOperator.start(
              settings,
              client,
              new SwitchPages(SWITCH_HTTP_PORT),
              counts,
              InstantSource.system(),
              // another one leads: this process has nothing left that it may do
              () -> Quarkus.asyncExit(ExitCode.FAILED))) {
        process.operator = operator;
        meters.follow(counts);
        Quarkus.waitForExit();
      }
      return ExitCode.DONE;
    } catch (ModuleException e) {
      System.err.println(e.getMessage());
      return e.exitCode();
    } catch (KubernetesClientException | OperatorException e) {
      System.err.println("the operator ends: " + e.getMessage());
      return ExitCode.FAILED;
    }
  }
}
