package dev.portcullis.standalone.replay;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.event.EveLine;
import dev.portcullis.core.event.EveWriter;
import dev.portcullis.core.event.StatsFigures;

/** The event of type {@code stats} at the end of a replay: of what was counted, in capture time. */
final class StatsText {

  private StatsText() {}

  static EveLine of(EveWriter writer, Tally tally) {
    StatsFigures figures = new StatsFigures();
    figures.packets = tally.received;
    figures.bytes = tally.bytes;
    figures.accepted = tally.forwarded;
    for (DropReason reason : DropReason.values()) {
      if (reason != DropReason.NONE) {
        figures.dropped[reason.id()] = tally.dropped[reason.id()];
      }
    }
    writer.stats(
        tally.lastTimeNs, (tally.lastTimeNs - tally.firstTimeNs) / 1_000_000_000L, figures);
    return writer.end();
  }
}
