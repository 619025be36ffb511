package dev.portcullis.switching;

import dev.portcullis.core.process.ExitCode;
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
 * Settings of the switch: from arguments, the environment ({@code PORTCULLIS_SWITCH_LISTEN}) or a
 * file.
 *
 * <p>Not a {@code @ConfigMapping}: the build would load that interface into the JVM of Maven, which
 * may be too old for it.
 */
@Singleton
final class SwitchConfig {

  /** Number of the switch, 0 to 7: its place among those that other modules are told. */
  @Inject
  @ConfigProperty(name = "portcullis.switch.number", defaultValue = "0")
  String number;

  /** Documents of the gateway's configuration. */
  @Inject
  @ConfigProperty(name = "portcullis.switch.file")
  Optional<List<Path>> files;

  /** Where links are accepted: host:port. */
  @Inject
  @ConfigProperty(name = "portcullis.switch.listen", defaultValue = "127.0.0.1:7400")
  String listen;

  /** PEM file with the certificate chain of this module. */
  @Inject
  @ConfigProperty(name = "portcullis.switch.cert")
  Optional<Path> cert;

  /** PEM file with the private key of this module. */
  @Inject
  @ConfigProperty(name = "portcullis.switch.key")
  Optional<Path> key;

  /** PEM file with the certificates that peers are checked against. */
  @Inject
  @ConfigProperty(name = "portcullis.switch.ca")
  Optional<Path> ca;

  /** Links without encryption and identity. */
  @Inject
  @ConfigProperty(name = "portcullis.switch.plaintext", defaultValue = "false")
  boolean plaintext;

  /**
   * Returns all of it, checked.
   *
   * @throws ModuleException with exit code 2 when something is missing or not well-formed
   */
  ModuleSettings settings() throws ModuleException {
    if (!number.matches("[0-7]")) {
      throw new ModuleException(
          ExitCode.USAGE, "the number of a switch is 0 to 7, not \"" + number + "\"");
    }
    return ModuleSettings.of(
        number,
        files.orElse(List.of()),
        listen,
        null,
        List.of(),
        LinkIdentity.of(cert.orElse(null), key.orElse(null), ca.orElse(null), plaintext),
        null);
  }
}
