package dev.portcullis.io.port;

import dev.portcullis.core.counters.DropReason;

/** A header that stands in front of the frames of a tunnel. Thread: one object a thread. */
interface Encapsulation {

  /** The header of frames that are sent. */
  byte[] header();

  /**
   * Reads the header of a datagram.
   *
   * @param at where the datagram begins
   * @param length bytes of it
   * @return {@link DropReason#NONE}, or why it is refused
   */
  DropReason read(byte[] bytes, int at, int length);

  /** Bytes of the header that was read last. */
  int length();
}
