package dev.portcullis.worker.policy;

import java.util.Map;

/**
 * What the rules of a policy have decided about: flows (or packets that opened none), and packets
 * and bytes of those flows in both directions. Counts go on under the same name when the policy
 * changes.
 *
 * <p>Thread: written by one shard; {@link #get} by any.
 */
public final class RuleCounts {

  /** What is counted. */
  public static final int FLOWS = 0, PACKETS = 1, BYTES = 2;

  /** Words of a rule, so that no rule's counts lie in two cache lines. */
  private static final int WORDS = 4;

  /** Counts of the rules of one policy, by number; names are for readers. */
  private record Table(Map<String, Integer> numbers, long[] values) {}

  private volatile Table table;
  private long[] values;

  /** Begins at 0. */
  RuleCounts(AccessRules rules) {
    table = of(rules);
    values = table.values;
  }

  private static Table of(AccessRules rules) {
    return new Table(rules.numbers(), new long[place(rules.size())]);
  }

  private static int place(int rule) {
    return (rule - AccessRules.GONE) * WORDS;
  }

  void change(AccessRules rules) {
    Table before = table;
    Table after = of(rules);
    before.numbers.forEach(
        (name, old) -> {
          Integer rule = after.numbers.get(name);
          if (rule != null) {
            System.arraycopy(before.values, place(old), after.values, place(rule), WORDS);
          }
        });
    values = after.values;
    table = after;
  }

  /** A rule has decided about a flow. */
  public void flow(int rule) {
    values[place(rule) + FLOWS]++;
  }

  /** A packet of a flow of a rule. */
  public void packet(int rule, int bytes) {
    int at = place(rule);
    values[at + PACKETS]++;
    values[at + BYTES] += bytes;
  }

  /** Returns a count of the rule of this name; 0 where the policy has none. */
  public long get(String name, int what) {
    Table now = table;
    Integer rule = now.numbers.get(name);
    return rule == null ? 0 : now.values[place(rule) + what];
  }
}
