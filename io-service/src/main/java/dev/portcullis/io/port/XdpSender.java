package dev.portcullis.io.port;

import dev.portcullis.io.system.SystemCalls;
import java.lang.foreign.MemorySegment;

/**
 * Frames that go out by an AF_XDP socket: each is written into a chunk of its memory, which is free
 * again when the kernel says that the frame has gone. Where no chunk is free, the frame is dropped.
 * Bound: {@link #MAX_FRAMES} are gathered, then put out at once. Thread: the loop of the IO module.
 */
final class XdpSender extends FrameSender {

  /** Frames that are put out together at the most. */
  static final int MAX_FRAMES = 256;

  /** How often the kernel is asked again that takes nothing. */
  private static final int ATTEMPTS = 4;

  /** A place outside of the memory: the kernel passes over such an entry. */
  private static final long NOWHERE = Long.MAX_VALUE;

  private static final int FIRST = XdpSocket.RECEIVING;

  /** The chunk that a frame is written into for which there is none. */
  private static final int SPARE = XdpSocket.SENDING - 1;

  private final XdpSocket socket;
  private final SystemCalls calls = new SystemCalls();

  /** Chunks that are free, by their number from the first on; the last is written into next. */
  private final int[] free = new int[SPARE];

  private int freeCount;
  private final int[] frames = new int[MAX_FRAMES];
  private final int[] flags = new int[MAX_FRAMES];
  private final int[] lengths = new int[MAX_FRAMES];
  private final int[] errors = new int[MAX_FRAMES];
  private int count;
  private int produced;
  private int completed;

  /** Makes one that has gathered nothing. */
  XdpSender(int tag, XdpSocket socket) {
    super(tag, socket.chunks.asSlice((long) FIRST * socket.chunkBytes), Departures.NOBODY);
    this.socket = socket;
    for (int i = 0; i < free.length; i++) {
      free[freeCount++] = i;
    }
  }

  @Override
  int begin(int length) {
    if (count == MAX_FRAMES) {
      send();
    }
    if (freeCount == 0) {
      takeBack();
    }
    return (freeCount == 0 ? SPARE : free[freeCount - 1]) * socket.chunkBytes;
  }

  @Override
  void end(int length, int ofFrames, int ofFlags) {
    if (freeCount == 0) {
      failed(ofFrames, SystemCalls.EAGAIN);
      return;
    }
    socket.sent.put(produced++, place(free[--freeCount]), length);
    int i = count++;
    frames[i] = ofFrames;
    flags[i] = ofFlags;
    lengths[i] = length;
    errors[i] = 0;
  }

  @Override
  void send() {
    if (count == 0) {
      return;
    }
    socket.sent.producer(produced);
    int first = produced - count;
    int taken = socket.sent.consumer();
    int attempts = 0;
    int result = -SystemCalls.EAGAIN;
    while (taken != produced && result < 0) {
      result = calls.send(socket.fd, MemorySegment.NULL, 0, SystemCalls.MSG_DONTWAIT);
      int before = taken;
      taken = socket.sent.consumer();
      if (result == -SystemCalls.EBUSY && taken != before) {
        errors[taken - 1 - first] = SystemCalls.EBUSY; // the last that it took was dropped
      }
      attempts = taken == before ? attempts + 1 : 0;
      if (result < 0 && attempts == ATTEMPTS) {
        withdraw(taken, first, -result);
        break;
      }
    }
    for (int i = 0; i < count; i++) {
      if (errors[i] == 0) {
        left(frames[i], flags[i], lengths[i]);
      } else {
        failed(frames[i], errors[i]);
      }
    }
    count = 0;
    takeBack();
  }

  /** The kernel takes no frames: those from {@code position} on do not leave. */
  private void withdraw(int position, int first, int error) {
    for (int p = position; p != produced; p++) {
      free[freeCount++] = chunk(socket.sent.place(p));
      socket.sent.put(p, NOWHERE);
      errors[p - first] = error;
    }
  }

  /** Takes the chunks back whose frames have gone. */
  private void takeBack() {
    int end = socket.completed.producer();
    while (completed != end) {
      free[freeCount++] = chunk(socket.completed.place(completed++));
    }
    socket.completed.consumer(completed);
  }

  private long place(int chunk) {
    return (long) (FIRST + chunk) * socket.chunkBytes;
  }

  private int chunk(long place) {
    return (int) (place / socket.chunkBytes) - FIRST;
  }
}
