package dev.portcullis.operator.gateway;

import dev.portcullis.core.policy.ConfigLoader;
import dev.portcullis.core.policy.Fault;
import dev.portcullis.core.policy.GatewayConfig;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The configuration that modules are given: the one that is written down if it is right, otherwise
 * as much of it as goes with the policy that was right before, otherwise the one before.
 *
 * @param config what it says; null: there was never one without faults
 * @param source its documents
 * @param faults of the one that is written down
 */
record Configuration(@Nullable GatewayConfig config, String source, List<Fault> faults) {

  private static final String BETWEEN = "---\n";

  /**
   * Chooses.
   *
   * @param gateway the document of the gateway
   * @param policy that of its policy; empty: it names none, or there is none of this name
   * @param stored the documents in use; empty: none yet
   */
  static Configuration choose(String gateway, String policy, String stored) {
    String written = join(gateway, policy);
    ConfigLoader.Result wanted = ConfigLoader.parse("gateway.yaml", written);
    if (wanted.config() != null) {
      return new Configuration(wanted.config(), written, List.of());
    }
    int cut = stored.indexOf("\n" + BETWEEN);
    String before = cut < 0 ? "" : stored.substring(cut + 1 + BETWEEN.length());
    for (String documents : List.of(join(gateway, before), stored)) {
      GatewayConfig config = ConfigLoader.parse("gateway.yaml", documents).config();
      if (config != null) {
        return new Configuration(config, documents, wanted.faults());
      }
    }
    return new Configuration(null, "", wanted.faults());
  }

  private static String join(String gateway, String policy) {
    return policy.isEmpty() ? gateway : gateway + BETWEEN + policy;
  }
}
