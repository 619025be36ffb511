package dev.portcullis.io.port;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.io.system.SystemCalls;
import java.lang.foreign.MemorySegment;

/**
 * Gathers the frames that a port puts out: {@link #begin}, the frame written into {@link #memory},
 * {@link #end}; {@link #send} puts them out, in order. Thread: the loop of the IO module.
 */
abstract class FrameSender {

  private final int tag;
  private Departures departures;

  /** Where frames are written. */
  final MemorySegment memory;

  FrameSender(int tag, MemorySegment memory, Departures departures) {
    this.tag = tag;
    this.memory = memory;
    this.departures = departures;
  }

  final void report(Departures to) {
    departures = to;
  }

  /** Returns where in {@link #memory} a frame of this length can be written. */
  abstract int begin(int length);

  /**
   * The frame that was begun is written.
   *
   * @param length its length
   * @param frames frames of the books that it stands for; -1: the port made it itself
   * @param flags its {@link dev.portcullis.core.packet.PacketFlags}
   */
  abstract void end(int length, int frames, int flags);

  /** Puts out what is gathered. */
  abstract void send();

  /** Writes bytes of the frame that was begun at {@code to}. */
  final void copy(byte[] bytes, int offset, long to, int length) {
    MemorySegment.copy(bytes, offset, memory, JAVA_BYTE, to, length);
  }

  /** A frame left. */
  final void left(int frames, int flags, int length) {
    if (frames < 0) {
      departures.said(tag, length);
    } else {
      departures.left(tag, frames, flags, length);
    }
  }

  /**
   * A frame did not leave.
   *
   * @param error what the kernel said, a positive error number
   */
  final void failed(int frames, int error) {
    departures.failed(Math.max(0, frames), reason(error));
  }

  private static DropReason reason(int error) {
    return switch (error) {
      case SystemCalls.EAGAIN, SystemCalls.EBUSY, SystemCalls.ENOBUFS -> DropReason.PORT_FULL;
      case SystemCalls.EMSGSIZE -> DropReason.MTU_EXCEEDED;
      case SystemCalls.ENETDOWN, SystemCalls.ENXIO, SystemCalls.ENODEV -> DropReason.PORT_CLOSED;
      default -> DropReason.WRITE_FAILED;
    };
  }
}
