package dev.portcullis.core.process;

import dev.portcullis.core.policy.ConfigLoader;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec.LogLevel;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * How much the program says of itself: {@code --log-level}, otherwise {@code spec.log.level}. When
 * that changes while the program runs, it holds, whatever the option was. Any thread.
 */
public final class LogLevels {

  /** Property that {@code --log-level} sets. */
  public static final String PROPERTY = "portcullis.log.level";

  private static final Logger OURS = Logger.getLogger("dev.portcullis");

  private static @Nullable LogLevel configured;

  private LogLevels() {}

  /**
   * Checks the text of {@code --log-level}.
   *
   * @throws ModuleException with exit code 2 when it is no level
   */
  public static LogLevel parse(String text) throws ModuleException {
    for (LogLevel level : LogLevel.values()) {
      if (nameOf(level).equals(text)) {
        return level;
      }
    }
    throw new ModuleException(
        ExitCode.USAGE,
        "--log-level is \"" + text + "\"; allowed is error, warn, info, debug or trace");
  }

  /**
   * Sets the level: that of the option, otherwise that of the configuration where that can be read:
   * whoever needs the configuration says why it cannot.
   *
   * @throws ModuleException with exit code 2 when the option is no level
   */
  public static synchronized void start(@Nullable String option, List<Path> files)
      throws ModuleException {
    GatewayConfig config = ConfigLoader.load(files).config();
    configured = config == null ? null : config.gateway().log().level();
    if (option != null) {
      set(parse(option));
    } else if (configured != null) {
      set(configured);
    }
  }

  /** Takes the level of a configuration that the program works by from now on. */
  public static synchronized void follow(GatewayConfig config) {
    LogLevel level = config.gateway().log().level();
    if (level != configured) {
      configured = level;
      set(level);
    }
  }

  /** Returns the name of a level in the configuration. */
  static String nameOf(LogLevel level) {
    return level.name().toLowerCase(Locale.ROOT);
  }

  /** Sets the level. */
  private static void set(LogLevel level) {
    OURS.setLevel(
        switch (level) {
          case ERROR -> Level.SEVERE;
          case WARN -> Level.WARNING;
          case INFO -> Level.INFO;
          case DEBUG -> Level.FINE;
          case TRACE -> Level.FINER;
        });
    for (Handler it : Logger.getLogger("").getHandlers()) {
      it.setLevel(Level.ALL);
    }
  }
}
