package dev.portcullis.operator.certificate;

import java.io.IOException;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.jspecify.annotations.Nullable;

/** Makes certificates with keys on the curve P-256 (RFC 5280). One thread. */
final class CertificateMaker {

  /** Clocks of nodes differ. */
  private static final Duration EARLIER = Duration.ofMinutes(5);

  private static final int SERIAL_BITS = 127;

  private final SecureRandom random;

  CertificateMaker(SecureRandom random) {
    this.random = random;
  }

  /** An authority that has signed itself. */
  Issued authority(String name, Instant now, Duration life) throws GeneralSecurityException {
    return make(name, null, null, now, life);
  }

  /** A certificate with an identity, for both ends of connections. */
  Issued leaf(String name, String identity, Issued authority, Instant now, Duration life)
      throws GeneralSecurityException {
    return make(name, identity, authority, now, life);
  }

  private Issued make(
      String name,
      @Nullable String identity,
      @Nullable Issued authority,
      Instant now,
      Duration life)
      throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"), random);
    KeyPair pair = generator.generateKeyPair();
    // names of an issuer are told apart by when it begins: two authorities may hold at once
    X500Name subject =
        new X500Name("CN=" + name + (identity == null ? " " + now.getEpochSecond() : ""));
    try {
      JcaX509v3CertificateBuilder builder =
          new JcaX509v3CertificateBuilder(
              authority == null
                  ? subject
                  : X500Name.getInstance(
                      authority.certificate().getSubjectX500Principal().getEncoded()),
              new BigInteger(SERIAL_BITS, random).setBit(0),
              Date.from(now.minus(EARLIER)),
              Date.from(now.plus(life)),
              subject,
              pair.getPublic());
      if (identity == null) {
        builder
            .addExtension(Extension.basicConstraints, true, new BasicConstraints(0))
            .addExtension(
                Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign));
      } else {
        builder
            .addExtension(Extension.basicConstraints, true, new BasicConstraints(false))
            .addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature))
            .addExtension(
                Extension.extendedKeyUsage,
                false,
                new ExtendedKeyUsage(
                    new KeyPurposeId[] {
                      KeyPurposeId.id_kp_serverAuth, KeyPurposeId.id_kp_clientAuth
                    }))
            .addExtension(
                Extension.subjectAlternativeName,
                false,
                new GeneralNames(new GeneralName(GeneralName.uniformResourceIdentifier, identity)));
      }
      var signer =
          new JcaContentSignerBuilder("SHA256withECDSA")
              .build(authority == null ? pair.getPrivate() : authority.key());
      return new Issued(
          new JcaX509CertificateConverter().getCertificate(builder.build(signer)),
          pair.getPrivate());
    } catch (IOException | OperatorCreationException e) {
      throw new GeneralSecurityException("the certificate " + name + " could not be made", e);
    }
  }
}
