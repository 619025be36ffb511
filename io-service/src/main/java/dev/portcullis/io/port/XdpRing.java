package dev.portcullis.io.port;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * One of the four rings that an AF_XDP socket shares with the kernel ({@code
 * Documentation/networking/af_xdp.rst}): one side puts entries in and moves the producer, the other
 * takes them out and moves the consumer. An entry is the place of a frame in the memory of the
 * socket and, in rings that frames travel by, its length. Positions only grow, and wrap around.
 *
 * <p>Thread: one, for our side.
 */
final class XdpRing {

  private static final int LENGTH_AT = 8;
  private static final VarHandle POSITION = JAVA_INT.varHandle();

  private final MemorySegment memory;
  private final long producerAt;
  private final long consumerAt;
  private final long entriesAt;
  private final int entryBytes;
  private final int mask;

  /**
   * Looks at a ring.
   *
   * @param memory shared with the kernel
   * @param offsets where things are in it: producer, consumer, entries
   * @param entries how many there is room for: a power of two
   * @param entryBytes 16 with a length, 8 without
   */
  XdpRing(MemorySegment memory, long[] offsets, int entries, int entryBytes) {
    this.memory = memory;
    this.producerAt = offsets[0];
    this.consumerAt = offsets[1];
    this.entriesAt = offsets[2];
    this.entryBytes = entryBytes;
    this.mask = entries - 1;
  }

  MemorySegment memory() {
    return memory;
  }

  int producer() {
    return (int) POSITION.getAcquire(memory, producerAt);
  }

  int consumer() {
    return (int) POSITION.getAcquire(memory, consumerAt);
  }

  /** Entries before {@code position} are the consumer's. */
  void producer(int position) {
    POSITION.setRelease(memory, producerAt, position);
  }

  /** Entries before {@code position} are the producer's again. */
  void consumer(int position) {
    POSITION.setRelease(memory, consumerAt, position);
  }

  long place(int position) {
    return memory.get(JAVA_LONG, at(position));
  }

  int length(int position) {
    return memory.get(JAVA_INT, at(position) + LENGTH_AT);
  }

  void put(int position, long place) {
    memory.set(JAVA_LONG, at(position), place);
  }

  void put(int position, long place, int length) {
    put(position, place);
    memory.set(JAVA_LONG, at(position) + LENGTH_AT, length); // and no options
  }

  private long at(int position) {
    return entriesAt + (long) (position & mask) * entryBytes;
  }
}
