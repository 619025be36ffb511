package dev.portcullis.worker;

import dev.portcullis.core.process.ExitCode;
import dev.portcullis.core.process.GuestPorts;
import dev.portcullis.core.process.LinkIdentity;
import dev.portcullis.core.process.ModuleException;
import dev.portcullis.core.process.ModuleSettings;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Settings of the worker: from arguments, the environment ({@code PORTCULLIS_WORKER_LISTEN}) or a
 * file.
 *
 * <p>Not a {@code @ConfigMapping}: the build would load that interface into the JVM of Maven, which
 * may be too old for it.
 */
@Singleton
final class WorkerConfig {

  /** Identification number of the worker, 0 to 16777215. */
  @Inject
  @ConfigProperty(name = "portcullis.worker.number")
  Optional<String> number;

  /** Documents of the gateway's configuration. */
  @Inject
  @ConfigProperty(name = "portcullis.worker.file")
  Optional<List<Path>> files;

  /** Where links are accepted: host:port. */
  @Inject
  @ConfigProperty(name = "portcullis.worker.listen", defaultValue = "127.0.0.1:0")
  String listen;

  /**
   * Address that other modules reach the links by: host:port; that of {@code listen} when absent.
   */
  @Inject
  @ConfigProperty(name = "portcullis.worker.advertise")
  Optional<String> advertise;

  /**
   * Ports on which links of workers are accepted whose flows go on here: first-last; any free ones
   * when absent.
   */
  @Inject
  @ConfigProperty(name = "portcullis.worker.guest-ports")
  Optional<String> guestPorts;

  /** Link addresses of the switches: host:port. */
  @Inject
  @ConfigProperty(name = "portcullis.worker.switch", defaultValue = "127.0.0.1:7400")
  List<String> switches;

  /** PEM file with the certificate chain of this module. */
  @Inject
  @ConfigProperty(name = "portcullis.worker.cert")
  Optional<Path> cert;

  /** PEM file with the private key of this module. */
  @Inject
  @ConfigProperty(name = "portcullis.worker.key")
  Optional<Path> key;

  /** PEM file with the certificates that peers are checked against. */
  @Inject
  @ConfigProperty(name = "portcullis.worker.ca")
  Optional<Path> ca;

  /** Links without encryption and identity. */
  @Inject
  @ConfigProperty(name = "portcullis.worker.plaintext", defaultValue = "false")
  boolean plaintext;

  /**
   * Returns all of it, checked.
   *
   * @throws ModuleException with exit code 2 when something is missing or not well-formed
   */
  ModuleSettings settings() throws ModuleException {
    ModuleSettings settings =
        ModuleSettings.of(
            checkedNumber(),
            files.orElse(List.of()),
            listen,
            advertise.orElse(null),
            switches,
            LinkIdentity.of(cert.orElse(null), key.orElse(null), ca.orElse(null), plaintext),
            null);
    return guestPorts.isEmpty()
        ? settings
        : settings.withGuests(GuestPorts.parse("--guest-ports", guestPorts.get()));
  }

  private String checkedNumber() throws ModuleException {
    String text =
        number.orElseThrow(
            () ->
                new ModuleException(
                    ExitCode.USAGE, "the number of the worker is missing: worker K"));
    if (!text.matches("[0-9]{1,8}") || Integer.parseInt(text) >= 1 << 24) {
      throw new ModuleException(
          ExitCode.USAGE, "the number of a worker is 0 to 16777215, not \"" + text + "\"");
    }
    return text;
  }
}
