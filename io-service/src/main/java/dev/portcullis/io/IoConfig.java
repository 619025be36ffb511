package dev.portcullis.io;

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
 * Settings of the IO module: from arguments, the environment ({@code PORTCULLIS_IO_LISTEN}) or a
 * file.
 *
 * <p>Not a {@code @ConfigMapping}: the build would load that interface into the JVM of Maven, which
 * may be too old for it.
 */
@Singleton
final class IoConfig {

  /** Name of the IO module in {@code spec.io}. */
  @Inject
  @ConfigProperty(name = "portcullis.io.name")
  Optional<String> name;

  /** Documents of the gateway's configuration. */
  @Inject
  @ConfigProperty(name = "portcullis.io.file")
  Optional<List<Path>> files;

  /** Where links are accepted: host:port. */
  @Inject
  @ConfigProperty(name = "portcullis.io.listen", defaultValue = "127.0.0.1:0")
  String listen;

  /** Link addresses of the switches: host:port. */
  @Inject
  @ConfigProperty(name = "portcullis.io.switch", defaultValue = "127.0.0.1:7400")
  List<String> switches;

  /** Where recorded frames come from instead of from the ports: host:port. */
  @Inject
  @ConfigProperty(name = "portcullis.io.feed")
  Optional<String> feed;

  /** PEM file with the certificate chain of this module. */
  @Inject
  @ConfigProperty(name = "portcullis.io.cert")
  Optional<Path> cert;

  /** PEM file with the private key of this module. */
  @Inject
  @ConfigProperty(name = "portcullis.io.key")
  Optional<Path> key;

  /** PEM file with the certificates that peers are checked against. */
  @Inject
  @ConfigProperty(name = "portcullis.io.ca")
  Optional<Path> ca;

  /** Links without encryption and identity. */
  @Inject
  @ConfigProperty(name = "portcullis.io.plaintext", defaultValue = "false")
  boolean plaintext;

  /**
   * Returns all of it, checked.
   *
   * @throws ModuleException with exit code 2 when something is missing or not well-formed
   */
  ModuleSettings settings() throws ModuleException {
    return ModuleSettings.of(
        name.orElseThrow(
            () ->
                new ModuleException(
                    ExitCode.USAGE, "the name of the IO module is missing: io NAME")),
        files.orElse(List.of()),
        listen,
        null,
        switches,
        LinkIdentity.of(cert.orElse(null), key.orElse(null), ca.orElse(null), plaintext),
        feed.orElse(null));
  }
}
