package dev.portcullis.core.process;

import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.policy.ConfigLoader;
import dev.portcullis.core.policy.GatewayConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;

/** What every module reads from files before it starts: the configuration and its certificates. */
public final class ModuleFiles {

  /** The variable by which gRPC, in every language, is told that it is to be led by xDS. */
  private static final String XDS_BOOTSTRAP = "GRPC_XDS_BOOTSTRAP";

  private ModuleFiles() {}

  /**
   * A configuration and its text.
   *
   * @param config the configuration, checked
   * @param source the documents that it came from
   */
  public record Loaded(GatewayConfig config, String source) {}

  /**
   * Reads the configuration.
   *
   * @throws ModuleException with exit code 1 and a line per fault when it is at fault
   */
  public static Loaded load(List<Path> files) throws ModuleException {
    ConfigLoader.Result result = ConfigLoader.load(files);
    GatewayConfig config = result.config();
    if (config == null) {
      throw new ModuleException(
          ExitCode.INPUT,
          result.faults().stream().map(Object::toString).collect(Collectors.joining("\n")));
    }
    return new Loaded(config, result.source());
  }

  /**
   * Reads the certificates. With plain text, links are led by xDS where the environment has a
   * bootstrap file for gRPC, as it has in a mesh without proxies.
   *
   * @throws ModuleException with exit code 1 when a file is not what it should be
   */
  public static LinkSecurity security(LinkIdentity identity) throws ModuleException {
    if (identity.plaintext()) {
      return System.getenv(XDS_BOOTSTRAP) == null ? LinkSecurity.plaintext() : LinkSecurity.xds();
    }
    try {
      return LinkSecurity.mutualTls(
          Objects.requireNonNull(identity.certificate()),
          Objects.requireNonNull(identity.key()),
          Objects.requireNonNull(identity.authorities()));
    } catch (IOException e) {
      throw new ModuleException(ExitCode.INPUT, String.valueOf(e.getMessage()));
    }
  }

  /**
   * Returns {@code module}; while it runs, its certificates are read again when their files have
   * changed, and on SIGHUP. What is at fault is said, and the old ones stay in use.
   */
  public static RunningModule following(
      RunningModule module, LinkIdentity identity, LinkSecurity security) {
    if (identity.plaintext()) {
      return module;
    }
    FileWatch watch =
        new FileWatch(
            "certificate-watch",
            identity.files(),
            () -> {
              try {
                security.readAgain();
                System.err.println("the certificates of the links have been read again");
              } catch (IOException e) {
                System.err.println(e.getMessage() + "; the old certificates stay in use");
              }
            },
            FileWatch.POLL_MS);
    return closing(module, watch::readNow, watch::close);
  }

  /** Returns {@code module}; when it has stopped, {@code afterwards} runs. */
  public static RunningModule closing(RunningModule module, Runnable afterwards) {
    return closing(module, () -> {}, afterwards);
  }

  /**
   * Returns {@code module}; on SIGHUP, {@code onHangUp} runs behind what the module does, and when
   * it has stopped, {@code afterwards}.
   */
  public static RunningModule closing(
      RunningModule module, Runnable onHangUp, Runnable afterwards) {
    return new WrappedModule(module) {
      @Override
      public void hangUp() {
        super.hangUp();
        onHangUp.run();
      }

      @Override
      public void stop() {
        super.stop();
        afterwards.run();
      }
    };
  }
}
