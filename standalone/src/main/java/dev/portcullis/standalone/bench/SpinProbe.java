package dev.portcullis.standalone.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Spins on every core at once and adds up the gaps of over 20 µs: time in which the core ran
 * something else, or in which the host took it away. Quiet when no core lost as much as the limit.
 */
final class SpinProbe implements Gate {

  private static final long GAP_NS = 20_000;

  /** Bytes of a {@code cpu_set_t}: 1024 cores. */
  private static final int CPU_SET_BYTES = 128;

  private final int cores;
  private final long windowNs;
  private final int limitPercent;
  private final MethodHandle setAffinity;

  /**
   * Makes a probe.
   *
   * @param cores how many cores are looked at, from 0: 1 to 1024
   * @param windowMs how long it spins
   * @param limitPercent share of the window that a core may have lost, exclusive
   */
  SpinProbe(int cores, int windowMs, int limitPercent) {
    this.cores = cores;
    this.windowNs = windowMs * 1_000_000L;
    this.limitPercent = limitPercent;
    Linker linker = Linker.nativeLinker();
    // int sched_setaffinity(pid_t pid, size_t cpusetsize, const cpu_set_t *mask); pid 0: the
    // calling thread
    this.setAffinity =
        linker.downcallHandle(
            linker.defaultLookup().findOrThrow("sched_setaffinity"),
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_LONG,
                ValueLayout.ADDRESS));
  }

  @Override
  public boolean quiet() throws InterruptedException {
    long[] lostNs = new long[cores];
    Thread[] threads = new Thread[cores];
    for (int core = 0; core < cores; core++) {
      int own = core;
      threads[core] =
          Thread.ofPlatform().name("probe-" + core).start(() -> lostNs[own] = spin(own));
    }
    boolean quiet = true;
    for (int core = 0; core < cores; core++) {
      threads[core].join();
      quiet &= lostNs[core] * 100 / windowNs < limitPercent;
    }
    return quiet;
  }

  /**
   * Returns the time that core {@code core} lost, in nanoseconds; all of the window when it cannot
   * be had at all.
   */
  private long spin(int core) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment mask = arena.allocate(CPU_SET_BYTES);
      mask.set(ValueLayout.JAVA_BYTE, core / 8, (byte) (1 << core % 8));
      int result = (int) setAffinity.invokeExact(0, (long) CPU_SET_BYTES, mask);
      if (result != 0) {
        return windowNs;
      }
    } catch (Throwable e) {
      throw new IllegalStateException("sched_setaffinity could not be called", e);
    }
    long previous = System.nanoTime();
    long end = previous + windowNs;
    long lost = 0;
    while (previous < end) {
      long now = System.nanoTime();
      if (now - previous > GAP_NS) {
        lost += now - previous;
      }
      previous = now;
    }
    return lost;
  }
}
