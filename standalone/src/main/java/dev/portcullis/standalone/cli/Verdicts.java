package dev.portcullis.standalone.cli;

import dev.portcullis.core.process.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The verdicts of two replays of the same captures.
 *
 * @param equal packets of which both say the same: number, port of entry, verdict, reason, port
 * @param all packets that either had
 */
record Verdicts(int equal, int all) {

  private static final Pattern LINE =
      Pattern.compile("\\{(\"n\":\\d+,\"port\":\".*?\").*(\"verdict\":.*)}");

  /** Compares what two replays have written to their folders. */
  static Verdicts sameIn(Path one, Path other) throws CommandException {
    List<String> first = of(one);
    List<String> second = of(other);
    int equal = 0;
    for (int i = 0; i < Math.min(first.size(), second.size()); i++) {
      equal += first.get(i).equals(second.get(i)) ? 1 : 0;
    }
    return new Verdicts(equal, Math.max(first.size(), second.size()));
  }

  private static List<String> of(Path folder) throws CommandException {
    Path file = folder.resolve("paths.jsonl");
    try {
      return Files.readAllLines(file).stream()
          .map(LINE::matcher)
          .filter(Matcher::matches)
          .map(it -> it.group(1) + it.group(2))
          .toList();
    } catch (IOException e) {
      throw new CommandException(ExitCode.FAILED, file + " cannot be read: " + e.getMessage());
    }
  }
}
