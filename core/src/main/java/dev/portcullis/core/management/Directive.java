package dev.portcullis.core.management;

import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.policy.GatewaySpec;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/**
 * What the switch module tells all modules: who the workers are and what the configuration is.
 * Immutable; any thread.
 *
 * @param epoch number of the table; only grows; 0: the gateway has no table yet
 * @param previousEpoch number of the table before it; 0: none
 * @param term life of the switch module that decided
 * @param workers members of the table, by ascending number
 * @param policyYaml configuration documents: gateway and policy
 * @param policyDigest SHA-256 of {@code policyYaml} in UTF-8, lower-case hexadecimal
 */
public record Directive(
    int epoch,
    int previousEpoch,
    long term,
    List<Member> workers,
    String policyYaml,
    String policyDigest) {

  /** Copies the list. */
  public Directive {
    workers = List.copyOf(workers);
  }

  /** Returns a directive with the digest of its policy. */
  public static Directive of(
      int epoch, int previousEpoch, long term, List<Member> workers, String policyYaml) {
    return new Directive(epoch, previousEpoch, term, workers, policyYaml, digest(policyYaml));
  }

  /**
   * Returns the distribution table of this directive; {@code spec} is the gateway of its
   * configuration.
   */
  public DistributionTable table(GatewaySpec spec) {
    return DistributionTable.of(spec, epoch, previousEpoch, workers);
  }

  /** Returns the SHA-256 of a text in UTF-8, lower-case hexadecimal. */
  public static String digest(String text) {
    try {
      MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(sha256.digest(text.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
