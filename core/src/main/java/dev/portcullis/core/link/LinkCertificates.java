package dev.portcullis.core.link;

import io.grpc.ChannelCredentials;
import io.grpc.ServerCredentials;
import io.grpc.TlsChannelCredentials;
import io.grpc.TlsServerCredentials;
import io.grpc.util.AdvancedTlsX509KeyManager;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.List;

/**
 * The certificate of a module and the authorities that it trusts, by PEM files that can be read
 * again: connections that are made from then on use what is in them, those that are there stay. Any
 * thread.
 */
final class LinkCertificates {

  private final Path certificate;
  private final Path key;
  private final Path authorities;
  private final AdvancedTlsX509KeyManager own = new AdvancedTlsX509KeyManager();
  private final KindTrust trust;

  /** Reads the files for the first time; faults as of {@link #readAgain}. */
  LinkCertificates(Path certificate, Path key, Path authorities) throws IOException {
    this.certificate = certificate;
    this.key = key;
    this.authorities = authorities;
    this.trust = read();
  }

  /**
   * Reads the files: all of them are used, or none.
   *
   * @throws IOException when a file cannot be read or is not what it should be; the message names
   *     it
   */
  synchronized void readAgain() throws IOException {
    trust.become(read());
  }

  private KindTrust read() throws IOException {
    for (Path file : List.of(certificate, key, authorities)) {
      if (!Files.isReadable(file)) {
        throw new IOException(file + ": cannot be read; a PEM file is needed for the links");
      }
    }
    try {
      KindTrust trusted = new KindTrust(authorities);
      own.updateIdentityCredentials(certificate.toFile(), key.toFile());
      return trusted;
    } catch (IOException | IllegalArgumentException | GeneralSecurityException e) {
      throw new IOException(
          "the certificate files "
              + certificate
              + ", "
              + key
              + ", "
              + authorities
              + " are not usable: "
              + e.getMessage(),
          e);
    }
  }

  /** Credentials for connections that the module opens. */
  ChannelCredentials forChannels() {
    return TlsChannelCredentials.newBuilder().keyManager(own).trustManager(trust).build();
  }

  /** Credentials for connections that the module accepts. */
  ServerCredentials forServers() {
    return TlsServerCredentials.newBuilder()
        .keyManager(own)
        .trustManager(trust)
        .clientAuth(TlsServerCredentials.ClientAuth.REQUIRE)
        .build();
  }
}
