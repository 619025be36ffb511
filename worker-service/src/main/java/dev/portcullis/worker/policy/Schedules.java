package dev.portcullis.worker.policy;

import dev.portcullis.core.policy.PolicySpec.Day;
import dev.portcullis.core.policy.PolicySpec.Schedule;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.zone.ZoneRules;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The schedules of a policy, compiled. What they say changes with minutes only. Immutable; any
 * thread.
 */
final class Schedules {

  private static final int DAY_SECONDS = 86_400;

  /** Days of the week as bits, minutes of the day, first and last day since 1970. */
  private record Entry(int days, int from, int to, ZoneRules zone, long firstDay, long lastDay) {

    boolean holds(Instant time) {
      long local = time.getEpochSecond() + zone.getOffset(time).getTotalSeconds();
      long day = Math.floorDiv(local, DAY_SECONDS);
      int minute = Math.floorMod(local, DAY_SECONDS) / 60;
      if (from < to) {
        return begins(day) && minute >= from && minute < to;
      }
      return begins(day) && minute >= from || begins(day - 1) && minute < to;
    }

    private boolean begins(long day) {
      // 1970-01-01 was a Thursday
      return day >= firstDay && day <= lastDay && (days >>> Math.floorMod(day + 3, 7) & 1) != 0;
    }
  }

  private final Entry[] entries;

  Schedules(List<Schedule> schedules) {
    entries = schedules.stream().map(Schedules::compile).toArray(Entry[]::new);
  }

  private static Entry compile(Schedule it) {
    int days = it.days().isEmpty() ? 0x7f : 0;
    for (Day day : it.days()) {
      days |= 1 << day.ordinal();
    }
    return new Entry(
        days,
        minutes(it.from()),
        minutes(it.to()),
        ZoneId.of(it.timezone()).getRules(),
        day(it.startDate(), Long.MIN_VALUE),
        day(it.endDate(), Long.MAX_VALUE));
  }

  private static int minutes(String time) {
    return Integer.parseInt(time.substring(0, 2)) * 60 + Integer.parseInt(time.substring(3));
  }

  private static long day(@Nullable String date, long otherwise) {
    return date == null ? otherwise : LocalDate.parse(date).toEpochDay();
  }

  boolean isEmpty() {
    return entries.length == 0;
  }

  /** Returns which schedules hold in a minute since 1970: bit {@code i} is the {@code i}-th. */
  int mask(long minute) {
    Instant time = Instant.ofEpochSecond(minute * 60);
    int mask = 0;
    for (int i = 0; i < entries.length; i++) {
      mask |= entries[i].holds(time) ? 1 << i : 0;
    }
    return mask;
  }
}
