package dev.portcullis.operator.certificate;

import dev.portcullis.operator.dependent.IssuedCertificate;
import dev.portcullis.operator.dependent.Names;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The authority of a gateway and the certificates of its modules, as Secrets. What is there and
 * still good stays; what is past two thirds of its life, or not to be read, is made anew.
 *
 * <p>An authority changes in steps, so that links are made all the time: the next one is trusted
 * {@link #KNOWN_BEFORE} before it signs, and the one before as long as it holds. One thread.
 */
public final class LinkAuthority {

  private static final Duration AUTHORITY_LIFE = Duration.ofDays(3650);
  private static final Duration LIFE = Duration.ofDays(90);

  /** Time in which every module reads who is trusted. */
  static final Duration KNOWN_BEFORE = Duration.ofHours(24);

  private static final String CERTIFICATE = "tls.crt";
  private static final String KEY = "tls.key";
  private static final String TRUSTED = "ca.crt";
  private static final String NEXT_CERTIFICATE = "next.crt";
  private static final String NEXT_KEY = "next.key";
  private static final String PREVIOUS = "previous.crt";

  private final InstantSource clock;
  private final CertificateMaker maker;

  /** An authority that makes keys of {@code random}. */
  public LinkAuthority(InstantSource clock, SecureRandom random) {
    this.clock = clock;
    this.maker = new CertificateMaker(random);
  }

  /**
   * Returns the Secrets that there shall be: the authority, and one for each kind of module.
   *
   * @param names of the gateway
   * @param existing those that there are, by name
   */
  public List<Secret> secrets(Names names, Map<String, Secret> existing)
      throws GeneralSecurityException {
    Instant now = clock.instant();
    Map<String, String> authority = authority(names, data(existing.get(names.of("ca"))), now);
    Issued signs = Objects.requireNonNull(read(authority, CERTIFICATE, KEY));
    List<Secret> secrets = new ArrayList<>();
    secrets.add(secret(names, "ca", "ca", authority));
    for (String component : List.of("io", "worker", "switch")) {
      String identity = IssuedCertificate.identity(names, component);
      Map<String, String> had = data(existing.get(names.of("tls-" + component)));
      Issued leaf = read(had, CERTIFICATE, KEY);
      if (leaf == null || !leaf.isOf(signs) || !now.isBefore(leaf.renewal())) {
        leaf = maker.leaf(component, identity, signs, now, LIFE);
      }
      secrets.add(
          secret(
              names,
              "tls-" + component,
              component,
              Map.of(
                  CERTIFICATE, Pem.of(leaf.certificate()),
                  KEY, Pem.of(leaf.key()),
                  TRUSTED, String.valueOf(authority.get(TRUSTED)))));
    }
    return secrets;
  }

  private Map<String, String> authority(Names names, Map<String, String> had, Instant now)
      throws GeneralSecurityException {
    Issued signs = read(had, CERTIFICATE, KEY);
    Issued next = read(had, NEXT_CERTIFICATE, NEXT_KEY);
    String previous = had.get(PREVIOUS);
    if (signs == null || !now.isBefore(signs.certificate().getNotAfter().toInstant())) {
      signs = maker.authority(names.gateway(), now, AUTHORITY_LIFE);
      next = null;
      previous = null;
    } else if (next == null && !now.isBefore(signs.renewal())) {
      next = maker.authority(names.gateway(), now, AUTHORITY_LIFE);
    } else if (next != null
        && !now.isBefore(next.certificate().getNotBefore().toInstant().plus(KNOWN_BEFORE))) {
      previous = Pem.of(signs.certificate());
      signs = next;
      next = null;
    }
    if (previous != null && !now.isBefore(Pem.certificate(previous).getNotAfter().toInstant())) {
      previous = null;
    }
    Map<String, String> data = new TreeMap<>();
    data.put(CERTIFICATE, Pem.of(signs.certificate()));
    data.put(KEY, Pem.of(signs.key()));
    String trusted = Pem.of(signs.certificate());
    if (next != null) {
      data.put(NEXT_CERTIFICATE, Pem.of(next.certificate()));
      data.put(NEXT_KEY, Pem.of(next.key()));
      trusted += data.get(NEXT_CERTIFICATE);
    }
    if (previous != null) {
      data.put(PREVIOUS, previous);
      trusted += previous;
    }
    data.put(TRUSTED, trusted);
    return data;
  }

  private static Secret secret(
      Names names, String name, String component, Map<String, String> data) {
    Map<String, String> encoded = new TreeMap<>();
    data.forEach(
        (key, value) ->
            encoded.put(
                key,
                Base64.getEncoder().encodeToString(value.getBytes(StandardCharsets.US_ASCII))));
    return new SecretBuilder()
        .withMetadata(names.metadata(names.of(name), component))
        .withType("kubernetes.io/tls")
        .withData(encoded)
        .build();
  }

  private static Map<String, String> data(@Nullable Secret secret) {
    Map<String, String> data = new TreeMap<>();
    if (secret != null && secret.getData() != null) {
      secret
          .getData()
          .forEach(
              (key, value) ->
                  data.put(
                      key,
                      new String(Base64.getDecoder().decode(value), StandardCharsets.US_ASCII)));
    }
    return data;
  }

  private static @Nullable Issued read(Map<String, String> data, String certificate, String key) {
    String shown = data.get(certificate);
    String kept = data.get(key);
    if (shown == null || kept == null) {
      return null;
    }
    try {
      return new Issued(Pem.certificate(shown), Pem.key(kept));
    } catch (GeneralSecurityException e) {
      // somebody has changed it: it is made anew
      return null;
    }
  }
}
