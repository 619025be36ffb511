package dev.portcullis.io.port;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.io.offload.VirtioHeader;
import dev.portcullis.io.system.SystemCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Frames that are gathered and put out together: {@code sendmmsg(2)} on a packet socket. Bound:
 * {@link #MAX_FRAMES} and {@link #MAX_BYTES}; when it is reached, they are put out at once. What
 * the device has no room for is not sent again.
 *
 * <p>{@link #begin}, the frame written into {@link #memory}, {@link #end}. Thread: the loop.
 */
final class PacketSender {

  /** Frames that are put out together at the most. */
  static final int MAX_FRAMES = 256;

  /** Bytes that are put out together at the most. */
  static final int MAX_BYTES = 512 * 1024;

  /** {@code struct mmsghdr} and {@code struct iovec}. */
  private static final int MESSAGE_BYTES = 64, VECTOR_AT = 16, VECTORS_AT = 24, VECTOR_BYTES = 16;

  private final int fd;
  private final int tag;
  private final SystemCalls calls = new SystemCalls();
  private final MemorySegment messages;
  private final MemorySegment vectors;
  private final int[] frames = new int[MAX_FRAMES];
  private final int[] flags = new int[MAX_FRAMES];
  private final int[] lengths = new int[MAX_FRAMES];
  private Departures departures;
  private int count;
  private int used;

  /** Where frames are written, with the header of {@link VirtioHeader} in front. */
  final MemorySegment memory;

  PacketSender(int fd, int tag, Arena arena, Departures departures) {
    this.fd = fd;
    this.tag = tag;
    this.departures = departures;
    this.memory = arena.allocate(MAX_BYTES, 64);
    this.messages = arena.allocate((long) MAX_FRAMES * MESSAGE_BYTES, 8);
    this.vectors = arena.allocate((long) MAX_FRAMES * VECTOR_BYTES, 8);
    for (int i = 0; i < MAX_FRAMES; i++) {
      messages.set(JAVA_LONG, i * MESSAGE_BYTES + VECTOR_AT, vectors.address() + i * VECTOR_BYTES);
      messages.set(JAVA_LONG, i * MESSAGE_BYTES + VECTORS_AT, 1);
    }
  }

  void report(Departures to) {
    departures = to;
  }

  /** Returns where in {@link #memory} a frame of this length can be written, header included. */
  int begin(int length) {
    if (count == MAX_FRAMES || used + length > MAX_BYTES) {
      send();
    }
    return used;
  }

  /**
   * The frame is written.
   *
   * @param length its length, header included
   * @param ofFrames frames of the books that it stands for; -1: the port made it itself
   */
  void end(int length, int ofFrames, int ofFlags) {
    vectors.set(JAVA_LONG, count * VECTOR_BYTES, memory.address() + used);
    vectors.set(JAVA_LONG, count * VECTOR_BYTES + 8, length);
    frames[count] = ofFrames;
    flags[count] = ofFlags;
    lengths[count] = length - VirtioHeader.BYTES;
    count++;
    // frames begin at lines of their own
    used = used + length + 63 & -64;
  }

  /** Writes bytes of the frame that was begun at {@code to}. */
  void copy(byte[] bytes, int offset, long to, int length) {
    MemorySegment.copy(bytes, offset, memory, JAVA_BYTE, to, length);
  }

  /** Puts out what is gathered. */
  void send() {
    int done = 0;
    while (done < count) {
      MemorySegment rest = done == 0 ? messages : messages.asSlice((long) done * MESSAGE_BYTES);
      int sent = calls.sendmmsg(fd, rest, count - done, SystemCalls.MSG_DONTWAIT);
      for (int i = done; i < done + sent; i++) {
        left(i);
      }
      done += Math.max(0, sent);
      if (sent <= 0) {
        failed(done++, reason(-sent));
      }
    }
    count = 0;
    used = 0;
  }

  private void left(int i) {
    if (frames[i] < 0) {
      departures.said(tag, lengths[i]);
    } else {
      departures.left(tag, frames[i], flags[i], lengths[i]);
    }
  }

  private void failed(int i, DropReason reason) {
    departures.failed(Math.max(0, frames[i]), reason);
  }

  private static DropReason reason(int error) {
    return switch (error) {
      case SystemCalls.EAGAIN, SystemCalls.ENOBUFS -> DropReason.PORT_FULL;
      case SystemCalls.EMSGSIZE -> DropReason.MTU_EXCEEDED;
      case SystemCalls.ENETDOWN, SystemCalls.ENXIO, SystemCalls.ENODEV -> DropReason.PORT_CLOSED;
      default -> DropReason.WRITE_FAILED;
    };
  }
}
