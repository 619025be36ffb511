package dev.portcullis.operator.certificate;

import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;

/**
 * A certificate and its key.
 *
 * @param certificate what is shown
 * @param key what is kept
 */
record Issued(X509Certificate certificate, PrivateKey key) {

  private static final int OF_THREE = 3;

  /** When two thirds of its life are over. */
  Instant renewal() {
    Instant from = certificate.getNotBefore().toInstant();
    Duration life = Duration.between(from, certificate.getNotAfter().toInstant());
    return from.plus(life.multipliedBy(2).dividedBy(OF_THREE));
  }

  /** Whether the other one has signed it. */
  boolean isOf(Issued authority) {
    try {
      certificate.verify(authority.certificate().getPublicKey());
      return true;
    } catch (java.security.GeneralSecurityException e) {
      return false;
    }
  }
}
