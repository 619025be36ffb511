package dev.portcullis.io.port;

import dev.portcullis.core.counters.DropReason;

/**
 * Told what became of frames that a port had gathered, or kept until it knew where to send them.
 *
 * <p>Thread: the loop of the IO module.
 */
public interface Departures {

  /**
   * A frame left.
   *
   * @param tag tag of the port
   * @param frames frames of the gateway's books that it stands for
   * @param flags its {@link dev.portcullis.core.packet.PacketFlags}
   * @param bytes its length
   */
  void left(int tag, int frames, int flags, int bytes);

  /** A frame did not leave. */
  void failed(int frames, DropReason reason);

  /** The port itself made a frame and put it out: a question or an answer about a neighbour. */
  void said(int tag, int bytes);

  /**
   * The kernel dropped frames before the port could take them in.
   *
   * @param frames how many, since the port was opened
   */
  void overrun(int tag, long frames);

  /**
   * Frames came from stations behind a tunnel that the port has no room for.
   *
   * @param frames how many, since the port was opened
   */
  void unlearned(int tag, long frames);

  /** Nobody is told. */
  Departures NOBODY =
      new Departures() {
        @Override
        public void left(int tag, int frames, int flags, int bytes) {}

        @Override
        public void failed(int frames, DropReason reason) {}

        @Override
        public void said(int tag, int bytes) {}

        @Override
        public void overrun(int tag, long frames) {}

        @Override
        public void unlearned(int tag, long frames) {}
      };
}
