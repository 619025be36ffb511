package dev.portcullis.core.process;

import java.util.ArrayList;
import java.util.List;

/**
 * Live flows that a filter let through, as JSON objects.
 *
 * @param lines one object each
 * @param more whether there are others beyond the limit
 */
public record FlowPage(List<String> lines, boolean more) {

  /** Of a module without flows. */
  public static final FlowPage NONE = new FlowPage(List.of(), false);

  /** Path under which modules with HTTP answer with a page. */
  public static final String PATH = "/q/portcullis/flows";

  /** Copies the list. */
  public FlowPage {
    lines = List.copyOf(lines);
  }

  /** Returns both pages as one of at most {@code limit} flows. */
  public FlowPage and(FlowPage other, int limit) {
    List<String> all = new ArrayList<>(lines);
    all.addAll(other.lines);
    boolean cut = all.size() > limit;
    return new FlowPage(cut ? all.subList(0, limit) : all, cut || more || other.more);
  }

  /** Returns {@code {"flows":[...],"more":false}}. */
  public String toJson() {
    return "{\"flows\":[" + String.join(",", lines) + "],\"more\":" + more + "}\n";
  }
}
