package dev.portcullis.operator.dependent;

import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.LiveChange;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Short names of texts that differ where the texts do. */
public final class Digest {

  private static final int BYTES = 8;

  private Digest() {}

  /** Digest of what modules cannot take while they run: another one means new pods. */
  static String ofFixed(GatewayConfig config) {
    return of(LiveChange.OF_PROCESSES.fixed(config));
  }

  /** Digest of a text. */
  public static String of(String text) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest, 0, BYTES);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
