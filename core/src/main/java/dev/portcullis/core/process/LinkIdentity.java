package dev.portcullis.core.process;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * How a process shows on its links who it is: by certificate, or not at all.
 *
 * @param certificate PEM file with the certificate chain of this module; null: plain text
 * @param key PEM file with its private key; null: plain text
 * @param authorities PEM file with the certificates that peers are checked against; null: plain
 *     text
 */
public record LinkIdentity(
    @Nullable Path certificate, @Nullable Path key, @Nullable Path authorities) {

  /** Returns whether links are neither encrypted nor authenticated. */
  public boolean plaintext() {
    return certificate == null;
  }

  /** Returns the files; none with plain text. */
  public List<Path> files() {
    return Stream.of(certificate, key, authorities).filter(Objects::nonNull).toList();
  }

  /**
   * Checks that either all three files are named or plain text is asked for in so many words.
   *
   * @throws ModuleException with exit code 2 otherwise
   */
  public static LinkIdentity of(
      @Nullable Path certificate, @Nullable Path key, @Nullable Path authorities, boolean plaintext)
      throws ModuleException {
    boolean all = certificate != null && key != null && authorities != null;
    boolean none = certificate == null && key == null && authorities == null;
    if (plaintext ? !none : !all) {
      throw new ModuleException(
          ExitCode.USAGE,
          plaintext
              ? "--plaintext and certificate files exclude each other: give --cert, --key and --ca, or --plaintext"
              : "links need --cert, --key and --ca, or --plaintext to go without encryption and identity");
    }
    return new LinkIdentity(certificate, key, authorities);
  }
}
