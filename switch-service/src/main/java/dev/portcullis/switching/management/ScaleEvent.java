package dev.portcullis.switching.management;

import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.management.ChangeShare;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A change of table that is over. Immutable.
 *
 * @param epoch number of the table that holds now
 * @param from workers before
 * @param to workers that were wanted
 * @param leaving IO modules that were to take part no more
 * @param result what became of it
 * @param durationNs from the wish to the end
 * @param switchedNs from the wish until all were told to go over
 * @param share what moved, and how long packets waited
 * @param doneNs when modules had nothing left to do, from the wish on, the last first
 * @param waitedFor modules that have not said so when it ended
 */
record ScaleEvent(
    int epoch,
    List<Integer> from,
    List<Integer> to,
    List<ModuleId> leaving,
    Result result,
    long durationNs,
    long switchedNs,
    ChangeShare share,
    Map<ModuleId, Long> doneNs,
    List<ModuleId> waitedFor) {

  /** How a change ends. */
  enum Result {
    /** All work by the new table. */
    DONE,
    /** The table before holds. */
    ABORTED,
    /** All took the new table without hand-over. */
    GIVEN_UP
  }

  private static final double NS_OF_MS = 1e6;

  private static String names(List<ModuleId> modules) {
    return modules.stream().map(it -> "\"" + it + "\"").collect(Collectors.joining(",", "[", "]"));
  }

  private static String toJson(ChangeShare.Blocked it) {
    return "{\"from\":"
        + it.from()
        + ",\"to\":"
        + it.to()
        + ",\"lane\":"
        + it.lane()
        + ",\"ms\":"
        + ms(it.ns())
        + "}";
  }

  private static double ms(long ns) {
    return Math.round(ns / NS_OF_MS * 10) / 10.0;
  }

  /**
   * Returns it as a JSON object.
   *
   * @param time when it ended
   */
  String toJson(String time) {
    String late =
        doneNs.entrySet().stream()
            .map(it -> "{\"module\":\"" + it.getKey() + "\",\"ms\":" + ms(it.getValue()) + "}")
            .collect(Collectors.joining(",", "[", "]"));
    return "{\"time\":\""
        + time
        + "\",\"epoch\":"
        + epoch
        + ",\"from\":"
        + from.size()
        + ",\"to\":"
        + to.size()
        + ",\"workers_before\":"
        + from
        + ",\"workers_wanted\":"
        + to
        + ",\"io_leaving\":"
        + names(leaving)
        + ",\"result\":\""
        + result.name().toLowerCase(java.util.Locale.ROOT)
        + "\",\"flows_moved\":"
        + share.flowsMoved()
        + ",\"flows_broken\":"
        + share.flowsBroken()
        + ",\"packets_held\":"
        + share.held()
        + ",\"blocked_ms\":"
        + ms(share.blockedNs())
        + ",\"blocked\":"
        + share.blocked().stream()
            .map(ScaleEvent::toJson)
            .collect(Collectors.joining(",", "[", "]"))
        + ",\"switched_ms\":"
        + ms(switchedNs)
        + ",\"duration_ms\":"
        + ms(durationNs)
        + ",\"done\":"
        + late
        + ",\"not_done\":"
        + names(waitedFor)
        + "}";
  }
}
