package dev.portcullis.standalone.cli;

import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.policy.PolicySpec;
import dev.portcullis.core.process.ExitCode;
import dev.portcullis.standalone.replay.Scale;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What {@code --scale} asks for. */
final class Scales {

  private static final Pattern FORM = Pattern.compile("(\\d{1,18}):(\\d{1,9})");

  private Scales() {}

  /** Reads all values of the option, {@code PACKET:N} each. */
  static List<Scale> parse(List<String> values) throws CommandException {
    List<Scale> scales = new ArrayList<>();
    for (String value : values) {
      Matcher matcher = FORM.matcher(value);
      boolean read = matcher.matches();
      long packet = read ? Long.parseLong(matcher.group(1)) : 0;
      int workers = read ? Integer.parseInt(matcher.group(2)) : 0;
      if (packet < 1 || workers < 1 || workers > Configured.MAX_WORKERS) {
        throw new CommandException(
            ExitCode.USAGE,
            "--scale is \""
                + value
                + "\"; allowed is PACKET:N with a packet of the input from 1 and 1 to "
                + Configured.MAX_WORKERS
                + " workers");
      }
      scales.add(new Scale(packet, workers));
    }
    scales.sort(Comparator.comparingLong(Scale::packet));
    return scales;
  }

  /** Returns a configuration with as many workers running as are needed at some time. */
  static Configured mostOf(List<Scale> scales, Configured configured) throws CommandException {
    if (scales.isEmpty()) {
      return configured;
    }
    GatewaySpec spec = configured.config().gateway();
    if (spec.path() != GatewaySpec.PathMode.RECORD) {
      throw new CommandException(
          ExitCode.INPUT,
          "spec.path computes paths, and --scale needs their records; allowed is path: record");
    }
    for (PolicySpec.SourceNat it : configured.config().policy().nat().source()) {
      if (it.mapping() == PolicySpec.Mapping.ENDPOINT_INDEPENDENT) {
        throw new CommandException(
            ExitCode.INPUT,
            "--scale does not move endpoint-independent mappings yet, and the rule "
                + it.name()
                + " of spec.nat.source makes them");
      }
    }
    Integer quantity = spec.workers().quantity();
    int begin = quantity == null ? spec.workers().replicas() : quantity;
    int most = scales.stream().mapToInt(Scale::workers).max().orElse(begin);
    return configured.withQuantity(Math.max(begin, most)).withQuantity(begin);
  }
}
