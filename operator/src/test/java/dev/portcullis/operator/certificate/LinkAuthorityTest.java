package dev.portcullis.operator.certificate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.operator.dependent.Names;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.Secret;
import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LinkAuthorityTest {

  private static final Names NAMES =
      Names.of(
          "PacketGateway",
          "portcullis.dev/v1alpha1",
          new ObjectMetaBuilder().withName("g").withNamespace("ns").withUid("u").build());

  private Instant now = Instant.parse("2026-01-01T00:00:00Z");
  private final LinkAuthority authority = new LinkAuthority(() -> now, new SecureRandom());
  private Map<String, Secret> secrets = Map.of();

  private void look() throws Exception {
    Map<String, Secret> next = new HashMap<>();
    for (Secret it : authority.secrets(NAMES, secrets)) {
      next.put(it.getMetadata().getName(), it);
    }
    secrets = next;
  }

  private byte[] bytes(String secret, String key) {
    return Base64.getDecoder().decode(secrets.get(secret).getData().get(key));
  }

  private List<X509Certificate> certificates(String secret, String key) throws Exception {
    List<X509Certificate> all = new ArrayList<>();
    for (var it :
        CertificateFactory.getInstance("X.509")
            .generateCertificates(new ByteArrayInputStream(bytes(secret, key)))) {
      all.add((X509Certificate) it);
    }
    return all;
  }

  private X509Certificate leaf(String kind) throws Exception {
    return certificates("g-tls-" + kind, "tls.crt").getFirst();
  }

  @Test
  void shouldMakeFilesThatLinksCanUse(@TempDir Path folder) throws Exception {
    look();
    for (String kind : List.of("io", "worker", "switch")) {
      for (String file : List.of("tls.crt", "tls.key", "ca.crt")) {
        Files.write(folder.resolve(file), bytes("g-tls-" + kind, file));
      }
      LinkSecurity.mutualTls(
          folder.resolve("tls.crt"), folder.resolve("tls.key"), folder.resolve("ca.crt"));
      assertEquals(
          "spiffe://portcullis/" + kind + "/ns/g",
          leaf(kind).getSubjectAlternativeNames().iterator().next().get(1));
    }
  }

  @Test
  void shouldLeaveWhatIsGoodAndRenewAtTwoThirdsOfItsLife() throws Exception {
    look();
    X509Certificate first = leaf("io");
    Map<String, Secret> before = secrets;
    now = now.plus(Duration.ofDays(59));
    look();
    assertEquals(before, secrets);
    now = now.plus(Duration.ofDays(2));
    look();
    assertNotEquals(first, leaf("io"));
    assertEquals(first.getIssuerX500Principal(), leaf("io").getIssuerX500Principal());
  }

  @Test
  void shouldMakeAnewWhatSomebodyHasChanged() throws Exception {
    look();
    Secret io = secrets.get("g-tls-io");
    io.getData().put("tls.key", io.getData().get("tls.crt"));
    look();
    leaf("io").verify(certificates("g-ca", "tls.crt").getFirst().getPublicKey());
    assertNotEquals(secrets.get("g-tls-io").getData().get("tls.key"), io.getData().get("tls.crt"));
  }

  @Test
  void shouldSignWithANewAuthorityOnlyWhenAllKnowIt() throws Exception {
    look();
    X509Certificate first = certificates("g-ca", "tls.crt").getFirst();
    now = now.plus(Duration.ofDays(3650 * 2 / 3 + 1));
    look();
    assertEquals(2, certificates("g-tls-io", "ca.crt").size(), "both are trusted");
    leaf("io").verify(first.getPublicKey());
    now = now.plus(LinkAuthority.KNOWN_BEFORE);
    look();
    X509Certificate second = certificates("g-ca", "tls.crt").getFirst();
    assertNotEquals(first, second);
    leaf("io").verify(second.getPublicKey());
    assertTrue(certificates("g-tls-io", "ca.crt").contains(first), "the one before is trusted");
    now = now.plus(Duration.ofDays(3650 / 3));
    look();
    assertEquals(List.of(second), certificates("g-tls-io", "ca.crt"));
  }
}
