package dev.portcullis.core.link;

import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.ServerCredentials;
import io.grpc.TlsChannelCredentials;
import io.grpc.TlsServerCredentials;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.Certificate;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.Collection;
import java.util.List;
import java.util.function.Predicate;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;

/**
 * How links are encrypted and how peers show who they are: mutual TLS by PEM files, or plain text
 * where that was asked for.
 *
 * <p>With TLS the certificate of a module has a subject alternative name of type URI, {@code
 * spiffe://portcullis/KIND} with KIND one of {@code io}, {@code worker}, {@code switch}, {@code
 * feed}; more path segments may follow. A peer whose certificate does not name the kind that it
 * says it is, is refused. Who operates the gateway has {@code spiffe://portcullis/management}.
 * Names of hosts are not checked: identity is the kind, not the address. Immutable; any thread.
 */
public final class LinkSecurity {

  private static final String IDENTITY = "spiffe://portcullis/";
  private static final String OPERATOR = "management";
  private static final int SAN_URI = 6;

  private final @Nullable ChannelCredentials client;
  private final @Nullable ServerCredentials server;
  private final Predicate<ModuleId> admitted;

  private LinkSecurity(
      @Nullable ChannelCredentials client,
      @Nullable ServerCredentials server,
      Predicate<ModuleId> admitted) {
    this.client = client;
    this.server = server;
    this.admitted = admitted;
  }

  /** Returns the same with streams accepted of those modules only that {@code known} is true of. */
  public LinkSecurity admitting(Predicate<ModuleId> known) {
    return new LinkSecurity(client, server, known);
  }

  /** Neither encryption nor identity: for loopback and tests, and only where it was asked for. */
  public static LinkSecurity plaintext() {
    return new LinkSecurity(null, null, it -> true);
  }

  /**
   * Mutual TLS.
   *
   * @param certificate PEM file with the certificate chain of this module
   * @param key PEM file with its private key, PKCS#8
   * @param authorities PEM file with the certificates that peers are checked against
   * @throws IOException when a file cannot be read or is not what it should be; the message names
   *     it
   */
  public static LinkSecurity mutualTls(Path certificate, Path key, Path authorities)
      throws IOException {
    for (Path file : List.of(certificate, key, authorities)) {
      if (!Files.isReadable(file)) {
        throw new IOException(file + ": cannot be read; a PEM file is needed for the links");
      }
    }
    try {
      javax.net.ssl.TrustManager[] trust = KindTrust.managers(authorities);
      return new LinkSecurity(
          TlsChannelCredentials.newBuilder()
              .keyManager(certificate.toFile(), key.toFile())
              .trustManager(trust)
              .build(),
          TlsServerCredentials.newBuilder()
              .keyManager(certificate.toFile(), key.toFile())
              .trustManager(trust)
              .clientAuth(TlsServerCredentials.ClientAuth.REQUIRE)
              .build(),
          it -> true);
    } catch (IllegalArgumentException | java.security.GeneralSecurityException e) {
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

  /** Whether links are encrypted. */
  public boolean encrypted() {
    return client != null;
  }

  /** Credentials for connections that this module opens. */
  public ChannelCredentials channelCredentials() {
    return client == null ? InsecureChannelCredentials.create() : client;
  }

  /** Credentials for connections that this module accepts. */
  public ServerCredentials serverCredentials() {
    return server == null ? InsecureServerCredentials.create() : server;
  }

  /**
   * Checks that the peer of a call that comes in is one that the configuration has, and of the kind
   * that it says.
   */
  void checkCaller(ModuleId module, io.grpc.Attributes attributes) {
    check(module.kind(), attributes);
    if (!admitted.test(module)) {
      throw LinkFault.UNKNOWN.refusal("the configuration has no " + module + " that may link here");
    }
  }

  /**
   * Checks that the peer of a call is of the kind that it says.
   *
   * @throws io.grpc.StatusRuntimeException with PERMISSION_DENIED when it is not
   */
  public void check(ModuleId.Kind kind, io.grpc.Attributes attributes) {
    if (client != null) {
      checkNamed(kind.label(), attributes);
    }
  }

  /**
   * Checks that the caller may change what the gateway does: never without a certificate.
   *
   * @throws io.grpc.StatusRuntimeException with PERMISSION_DENIED when it may not
   */
  public void checkOperator(io.grpc.Attributes attributes) {
    checkNamed(OPERATOR, attributes);
  }

  private static void checkNamed(String name, io.grpc.Attributes attributes) {
    SSLSession session = attributes.get(Grpc.TRANSPORT_ATTR_SSL_SESSION);
    try {
      if (session != null) {
        for (Certificate it : session.getPeerCertificates()) {
          if (it instanceof X509Certificate x509) {
            if (names(x509, name)) {
              return;
            }
            break;
          }
        }
      }
    } catch (SSLPeerUnverifiedException | CertificateParsingException e) {
      // refused below
    }
    throw LinkFault.IDENTITY.refusal("the certificate does not name " + IDENTITY + name);
  }

  private static boolean names(X509Certificate certificate, String identity)
      throws CertificateParsingException {
    Collection<List<?>> names = certificate.getSubjectAlternativeNames();
    if (names == null) {
      return false;
    }
    String wanted = IDENTITY + identity;
    for (List<?> name : names) {
      if (name.get(0) instanceof Integer type
          && type == SAN_URI
          && name.get(1) instanceof String uri
          && (uri.equals(wanted) || uri.startsWith(wanted + "/"))) {
        return true;
      }
    }
    return false;
  }
}
