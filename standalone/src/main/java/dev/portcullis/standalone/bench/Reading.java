package dev.portcullis.standalone.bench;

import java.lang.management.ManagementFactory;

/**
 * Counters of a child at one moment.
 *
 * @param timeNs the monotonic clock of the machine, the same for all processes
 * @param packets packets so far
 * @param bytes bytes so far
 * @param allocatedBytes bytes that all threads of the process have allocated on the Java heap so
 *     far
 */
record Reading(long timeNs, long packets, long bytes, long allocatedBytes) {

  /** Reads the clock and the allocations of this process. */
  static Reading now(long packets, long bytes) {
    long allocated =
        ManagementFactory.getThreadMXBean() instanceof com.sun.management.ThreadMXBean threads
            ? threads.getTotalThreadAllocatedBytes()
            : -1;
    return new Reading(System.nanoTime(), packets, bytes, allocated);
  }

  /** Returns the line that {@link #parse} reads. */
  String line() {
    return timeNs + " " + packets + " " + bytes + " " + allocatedBytes;
  }

  /** Reads what {@link #line} wrote. */
  static Reading parse(String line) {
    String[] field = line.strip().split(" ");
    return new Reading(
        Long.parseLong(field[0]),
        Long.parseLong(field[1]),
        Long.parseLong(field[2]),
        Long.parseLong(field[3]));
  }

  /** Packets per second since {@code start}. */
  double packetsPerSecond(Reading start) {
    return (packets - start.packets) * 1e9 / (timeNs - start.timeNs);
  }

  /** Bytes per second since {@code start}. */
  double bytesPerSecond(Reading start) {
    return (bytes - start.bytes) * 1e9 / (timeNs - start.timeNs);
  }
}
