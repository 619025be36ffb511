package dev.portcullis.io.port;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.portcullis.io.system.SystemCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Messages that are gathered and put out together: {@code sendmmsg(2)}, once for each socket that
 * has any; those of one socket leave in order. Bound: {@link #MAX_MESSAGES} and {@link #MAX_BYTES};
 * when it is reached, they are put out at once. What there is no room for is not sent again.
 *
 * <p>{@link #begin}, the message written into {@link #memory}, {@link #end}. Thread: the loop.
 */
final class BatchSender extends FrameSender {

  /** Messages that are put out together at the most. */
  static final int MAX_MESSAGES = 256;

  /** Bytes that are put out together at the most. */
  static final int MAX_BYTES = 512 * 1024;

  /** {@link #end}: the socket knows where its messages go. */
  static final MemorySegment NO_NAME = MemorySegment.NULL;

  private static final int NAME_BYTES = 32;

  private final int uncounted;
  private final SystemCalls calls = new SystemCalls();
  private final MemorySegment messages;
  private final MemorySegment vectors;
  private final MemorySegment names;
  private final int[] frames = new int[MAX_MESSAGES];
  private final int[] flags = new int[MAX_MESSAGES];
  private final int[] lengths = new int[MAX_MESSAGES];
  private final int[] nameLengths = new int[MAX_MESSAGES];

  /** The messages of a socket, in order: the first and last by socket, the next by message. */
  private final int[] next = new int[MAX_MESSAGES];

  private final int[] first;
  private final int[] last;
  private final int[] socketsInUse = new int[MAX_MESSAGES];
  private final int[] sentAs = new int[MAX_MESSAGES];
  private final int[] sockets;
  private int inUse;
  private int count;
  private int used;

  /**
   * Makes one that has gathered nothing.
   *
   * @param sockets descriptors; {@link #replace} may change them
   * @param uncounted bytes of a message that are none of the frame: its length in the books is
   *     less; negative: it is more
   */
  BatchSender(int[] sockets, int tag, int uncounted, Arena arena, Departures departures) {
    super(tag, arena.allocate(MAX_BYTES, 64), departures);
    this.sockets = sockets.clone();
    this.first = new int[sockets.length];
    this.last = new int[sockets.length];
    Arrays.fill(first, -1);
    this.uncounted = uncounted;
    this.messages = arena.allocate((long) MAX_MESSAGES * MessageHeader.BYTES, 8);
    this.vectors = arena.allocate((long) MAX_MESSAGES * MessageHeader.VECTOR_BYTES, 8);
    this.names = arena.allocate((long) MAX_MESSAGES * NAME_BYTES, 8);
    for (int i = 0; i < MAX_MESSAGES; i++) {
      messages.set(JAVA_LONG, i * MessageHeader.BYTES + MessageHeader.VECTORS_AT, 1);
    }
  }

  /**
   * From now on socket {@code i} is another; what was gathered for the one before is put out.
   *
   * @return descriptor of the one before
   */
  int replace(int i, int fd) {
    if (first[i] >= 0) {
      send();
    }
    int before = sockets[i];
    sockets[i] = fd;
    return before;
  }

  @Override
  int begin(int length) {
    if (count == MAX_MESSAGES || used + length > MAX_BYTES) {
      send();
    }
    return used;
  }

  /** The message that was begun is written, for the only socket. */
  @Override
  void end(int length, int ofFrames, int ofFlags) {
    end(length, ofFrames, ofFlags, 0, NO_NAME);
    written(length);
  }

  /**
   * The message that was begun is written, and goes to {@code name}; it may be said of one message
   * several times, up to {@link #written}.
   *
   * @param length its length
   * @param ofFrames frames of the books that it stands for; -1: the port made it itself
   * @param socket by which it goes
   * @param name address that it goes to, copied
   */
  void end(int length, int ofFrames, int ofFlags, int socket, MemorySegment name) {
    if (count == MAX_MESSAGES) {
      send(false);
    }
    int i = count++;
    vectors.set(JAVA_LONG, i * MessageHeader.VECTOR_BYTES, memory.address() + used);
    vectors.set(JAVA_LONG, i * MessageHeader.VECTOR_BYTES + 8, length);
    nameLengths[i] = (int) name.byteSize();
    MemorySegment.copy(name, 0, names, i * NAME_BYTES, nameLengths[i]);
    frames[i] = ofFrames;
    flags[i] = ofFlags;
    lengths[i] = length - uncounted;
    next[i] = -1;
    if (first[socket] < 0) {
      first[socket] = i;
      socketsInUse[inUse++] = socket;
    } else {
      next[last[socket]] = i;
    }
    last[socket] = i;
  }

  /** The message goes to nobody else: its room is not free before it was put out. */
  void written(int length) {
    // messages begin at lines of their own
    used = used + length + 63 & -64;
  }

  @Override
  void send() {
    send(true);
  }

  private void send(boolean all) {
    for (int i = 0; i < inUse; i++) {
      send(socketsInUse[i]);
    }
    inUse = 0;
    count = 0;
    if (all) {
      used = 0;
    }
  }

  private void send(int socket) {
    int ready = 0;
    for (int i = first[socket]; i >= 0; i = next[i]) {
      int at = ready * MessageHeader.BYTES;
      int name = nameLengths[i];
      messages.set(JAVA_LONG, at, name == 0 ? 0 : names.address() + i * NAME_BYTES);
      messages.set(JAVA_INT, at + MessageHeader.NAME_LENGTH_AT, name);
      messages.set(
          JAVA_LONG,
          at + MessageHeader.VECTOR_AT,
          vectors.address() + i * MessageHeader.VECTOR_BYTES);
      sentAs[ready++] = i;
    }
    first[socket] = -1;
    int done = 0;
    while (done < ready) {
      MemorySegment rest =
          done == 0 ? messages : messages.asSlice((long) done * MessageHeader.BYTES);
      int sent = calls.sendmmsg(sockets[socket], rest, ready - done, SystemCalls.MSG_DONTWAIT);
      for (int i = done; i < done + sent; i++) {
        int it = sentAs[i];
        left(frames[it], flags[it], lengths[it]);
      }
      done += Math.max(0, sent);
      if (sent <= 0) {
        failed(frames[sentAs[done++]], -sent);
      }
    }
  }
}
