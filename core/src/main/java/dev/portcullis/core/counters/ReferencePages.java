package dev.portcullis.core.counters;

/**
 * Writes the pages {@code docs/reference/counters.md} and {@code docs/reference/drop-reasons.md}
 * from the enums. A test compares; {@code -Dportcullis.regenerate=true} writes them again.
 */
public final class ReferencePages {

  private static final String GENERATED = "<!-- generated from `%s` by `%s`; do not edit -->\n\n";

  /** The command that writes the pages again. */
  public static final String COMMAND =
      "mvn -pl core test -Dtest=ReferencePagesTest -Dportcullis.regenerate=true";

  private ReferencePages() {}

  /** Returns the page of the counters in Markdown. */
  public static String counters() {
    StringBuilder page = new StringBuilder("# Counters\n\n");
    page.append(GENERATED.formatted("Counter", COMMAND));
    page.append(
        "Every module shows them at `/q/metrics`. Values have a single writer and are read at scrape.\n\n");
    page.append("| name | type | unit | labels | meaning |\n|---|---|---|---|---|\n");
    for (Counter it : Counter.values()) {
      String labels = it.labels().isEmpty() ? "-" : "`" + String.join("`, `", it.labels()) + "`";
      page.append(
          "| `%s` | %s | %s | %s | %s |\n"
              .formatted(it.metric(), it.type().label(), it.unit(), labels, it.help()));
    }
    return page.toString();
  }

  /** Returns the page of the drop reasons in Markdown. */
  public static String dropReasons() {
    StringBuilder page = new StringBuilder("# Drop reasons\n\n");
    page.append(GENERATED.formatted("DropReason", COMMAND));
    page.append(
        "The reason is a label of `portcullis_packets_dropped_total`, a key of `summary.json.dropped` and `reason` in"
            + " `paths.jsonl`;\nthe number travels between modules and is never given to another reason.\n\n");
    page.append("| number | reason | stage | meaning |\n|---|---|---|---|\n");
    for (DropReason it : DropReason.values()) {
      if (it != DropReason.NONE) {
        page.append(
            "| %d | `%s` | `%s` | %s |\n"
                .formatted(it.id(), it.label(), DropCounters.stageOf(it), it.sentence()));
      }
    }
    return page.toString();
  }
}
