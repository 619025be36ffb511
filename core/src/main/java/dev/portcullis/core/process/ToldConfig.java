package dev.portcullis.core.process;

import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.management.Directive;
import dev.portcullis.core.policy.ConfigLoader;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.LiveChange;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The configuration of a module: that of its own file until the first directive, then those of
 * directives, as far as a running module can take them. What it cannot take is said, and the one
 * before stays in use. One thread: that of management.
 */
public final class ToldConfig {

  private final ModuleId self;
  private final Consumer<String> problems;
  private GatewayConfig config;
  private @Nullable String digest;

  /**
   * Begins with the configuration of the module's own file.
   *
   * @param problems takes a sentence about what was not taken
   */
  public ToldConfig(ModuleId self, GatewayConfig own, Consumer<String> problems) {
    this.self = self;
    this.config = own;
    this.problems = problems;
  }

  /** What became of a directive's configuration. */
  public enum Told {
    /** It is the one in use. */
    NOTHING_NEW,
    /** It is the first, and another one than that of the module's file. */
    ANOTHER_TO_BEGIN_WITH,
    /** The policy has changed. */
    ANOTHER_POLICY
  }

  /** Takes the configuration of a directive. */
  public Told follow(Directive directive) {
    if (directive.policyDigest().equals(digest)) {
      return Told.NOTHING_NEW;
    }
    boolean first = digest == null;
    digest = directive.policyDigest();
    GatewayConfig told = ConfigLoader.parse("management", directive.policyYaml()).config();
    if (told == null || told.equals(config)) {
      return Told.NOTHING_NEW;
    }
    String refusal = first ? null : LiveChange.OF_PROCESSES.refusal(config, told);
    if (refusal != null) {
      problems.accept(self + ": " + refusal);
      return Told.NOTHING_NEW;
    }
    config = told;
    LogLevels.follow(told);
    return first ? Told.ANOTHER_TO_BEGIN_WITH : Told.ANOTHER_POLICY;
  }

  /** The configuration in use. */
  public GatewayConfig config() {
    return config;
  }
}
