package dev.portcullis.core.process;

import dev.portcullis.core.policy.ConfigLoader;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec.LogLevel;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * How much the program says of itself: {@code --log-level}, otherwise {@code spec.log.level}; read
 * again from the configuration on SIGHUP. Any thread.
 */
public final class LogLevels {

  /** Property that {@code --log-level} sets. */
  public static final String PROPERTY = "portcullis.log.level";

  private static final Logger OURS = Logger.getLogger("dev.portcullis");

  private LogLevels() {}

  /**
   * Checks the text of {@code --log-level}.
   *
   * @throws ModuleException with exit code 2 when it is no level
   */
  public static LogLevel parse(String text) throws ModuleException {
    for (LogLevel level : LogLevel.values()) {
      if (level.name().toLowerCase(Locale.ROOT).equals(text)) {
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
  public static void start(@Nullable String option, List<Path> files) throws ModuleException {
    if (option != null) {
      set(parse(option));
    } else {
      GatewayConfig config = ConfigLoader.load(files).config();
      if (config != null) {
        set(config.gateway().log().level());
      }
    }
  }

  /** Sets the level that the configuration has now; says so, or why it cannot be read. */
  public static void again(List<Path> files, Consumer<String> says) {
    try {
      LogLevel level = ModuleFiles.load(files).config().gateway().log().level();
      set(level);
      says.accept("the log level is " + level.name().toLowerCase(Locale.ROOT));
    } catch (ModuleException e) {
      says.accept("the log level stays, for the configuration cannot be read: " + e.sentence());
    }
  }

  /** Sets the level. */
  public static void set(LogLevel level) {
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
