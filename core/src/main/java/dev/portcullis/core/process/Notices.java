package dev.portcullis.core.process;

import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Tells a person what goes wrong again and again, now and then: the first sentence of a topic at
 * once, then at most one in {@link #PAUSE_NS}, with the number of those that were left out. The
 * counters have them all.
 *
 * <p>Topics are few: names in the program. Any thread.
 */
public final class Notices {

  /** Nanoseconds between two sentences on one topic. */
  public static final long PAUSE_NS = 10_000_000_000L;

  private static final class Topic {
    long saidNs;
    long leftOut;
  }

  private final Consumer<String> out;
  private final LongSupplier clockNs;
  private final Map<String, Topic> topics = new HashMap<>();

  /**
   * Makes notices.
   *
   * @param out takes a sentence
   * @param clockNs tells the time, in nanoseconds from whenever
   */
  public Notices(Consumer<String> out, LongSupplier clockNs) {
    this.out = out;
    this.clockNs = clockNs;
  }

  /** Notices of a process. */
  public static Notices onStandardError() {
    return new Notices(System.err::println, System::nanoTime);
  }

  /** Says a sentence on a topic, unless one was said a short while ago. */
  public synchronized void say(String topic, String sentence) {
    long nowNs = clockNs.getAsLong();
    Topic it = topics.get(topic);
    if (it == null) {
      it = new Topic();
      topics.put(topic, it);
    } else if (nowNs - it.saidNs < PAUSE_NS) {
      it.leftOut++;
      return;
    }
    out.accept(it.leftOut == 0 ? sentence : sentence + " (and " + it.leftOut + " more like it)");
    it.saidNs = nowNs;
    it.leftOut = 0;
  }
}
