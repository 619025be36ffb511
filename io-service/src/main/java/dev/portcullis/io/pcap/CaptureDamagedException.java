package dev.portcullis.io.pcap;

import java.io.IOException;

/**
 * A capture is cut off or contradicts itself; all frames before the damage were read. The message
 * is one sentence.
 */
public final class CaptureDamagedException extends IOException {

  private static final long serialVersionUID = 1;

  CaptureDamagedException(String message) {
    super(message);
  }
}
