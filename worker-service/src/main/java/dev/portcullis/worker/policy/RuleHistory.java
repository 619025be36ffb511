package dev.portcullis.worker.policy;

import java.util.Arrays;
import java.util.Map;

/**
 * What the rules of earlier versions of a policy are called now: their numbers there, by name. It
 * reaches {@link #VERSIONS} versions back; of an older one every rule is gone. Immutable; any
 * thread.
 */
final class RuleHistory {

  /** Versions that are remembered: with 10,000 rules each 2.5 MB. */
  static final int VERSIONS = 64;

  /** History of the first version. */
  static final RuleHistory NONE = new RuleHistory(0, new int[0][]);

  private final int version;
  private final int[][] maps;

  private RuleHistory(int version, int[][] maps) {
    this.version = version;
    this.maps = maps;
  }

  /** Returns the history of the version after this one. */
  RuleHistory next(AccessRules before, AccessRules after) {
    Map<String, Integer> numbers = after.numbers();
    int[] step = new int[before.size()];
    Arrays.setAll(step, rule -> numbers.getOrDefault(before.name(rule), AccessRules.GONE));
    int[][] next = new int[Math.min(VERSIONS, maps.length + 1)][];
    for (int i = 0; i < next.length - 1; i++) {
      int[] map = maps[maps.length - next.length + 1 + i].clone();
      for (int rule = 0; rule < map.length; rule++) {
        map[rule] = map[rule] < 0 ? map[rule] : step[map[rule]];
      }
      next[i] = map;
    }
    next[next.length - 1] = step;
    return new RuleHistory(version + 1, next);
  }

  /** Returns the present number of a rule of an earlier version. */
  int now(int ofVersion, int rule) {
    if (rule < 0 || ofVersion == version) {
      return rule;
    }
    int at = maps.length - (version - ofVersion);
    return at < 0 || at >= maps.length || rule >= maps[at].length
        ? AccessRules.GONE
        : maps[at][rule];
  }
}
