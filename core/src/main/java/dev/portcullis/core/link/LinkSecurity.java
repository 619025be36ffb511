package dev.portcullis.core.link;

import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.ManagedChannelBuilder;
import io.grpc.ServerCredentials;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.xds.XdsChannelCredentials;
import io.grpc.xds.XdsServerCredentials;
import java.io.IOException;
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
 * Names of hosts are not checked: identity is the kind, not the address. The files can be exchanged
 * while links are up ({@link #readAgain}). Any thread.
 */
public final class LinkSecurity {

  private static final String IDENTITY = "spiffe://portcullis/";
  private static final String OPERATOR = "management";
  private static final int SAN_URI = 6;

  private final @Nullable LinkCertificates certificates;
  private final boolean xds;
  private final Predicate<ModuleId> admitted;

  private LinkSecurity(
      @Nullable LinkCertificates certificates, boolean xds, Predicate<ModuleId> admitted) {
    this.certificates = certificates;
    this.xds = xds;
    this.admitted = admitted;
  }

  /** Returns the same with streams accepted of those modules only that {@code known} is true of. */
  public LinkSecurity admitting(Predicate<ModuleId> known) {
    return new LinkSecurity(certificates, xds, known);
  }

  /** Neither encryption nor identity: for loopback and tests, and only where it was asked for. */
  public static LinkSecurity plaintext() {
    return new LinkSecurity(null, false, it -> true);
  }

  /**
   * By the control plane of a mesh, which gRPC reaches as its bootstrap file says (xDS): addresses
   * of peers, certificates, and who may open which call come from there.
   */
  public static LinkSecurity xds() {
    return new LinkSecurity(null, true, it -> true);
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
    return new LinkSecurity(new LinkCertificates(certificate, key, authorities), false, it -> true);
  }

  /**
   * Reads the PEM files again. Connections that are made from now on use what is in them; those
   * that are there stay. When a file is at fault, what was read before stays in use.
   *
   * @throws IOException as {@link #mutualTls}
   */
  public void readAgain() throws IOException {
    if (certificates != null) {
      certificates.readAgain();
    }
  }

  /** Whether links are encrypted. */
  public boolean encrypted() {
    return certificates != null;
  }

  /** Whether peers are found, encrypted and identified by xDS. */
  boolean byXds() {
    return xds;
  }

  /** Begins a connection of its own to an address, whatever way it is found. */
  public ManagedChannelBuilder<?> channel(String host, int port) {
    return xds
        ? Grpc.newChannelBuilder("xds:///" + host + ":" + port, channelCredentials())
        : NettyChannelBuilder.forAddress(host, port, channelCredentials());
  }

  /** Credentials for connections that this module opens. */
  public ChannelCredentials channelCredentials() {
    if (xds) {
      return XdsChannelCredentials.create(InsecureChannelCredentials.create());
    }
    return certificates == null ? InsecureChannelCredentials.create() : certificates.forChannels();
  }

  /** Credentials for connections that this module accepts. */
  public ServerCredentials serverCredentials() {
    if (xds) {
      return XdsServerCredentials.create(InsecureServerCredentials.create());
    }
    return certificates == null ? InsecureServerCredentials.create() : certificates.forServers();
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
    if (certificates != null) {
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
