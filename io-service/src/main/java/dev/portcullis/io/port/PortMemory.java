package dev.portcullis.io.port;

import java.lang.foreign.Arena;

/** Memory outside of the heap that a port has until it is closed; threads of the port share it. */
final class PortMemory implements AutoCloseable {

  private final Arena arena = Arena.ofShared();

  /** Gives out the memory. */
  Arena arena() {
    return arena;
  }

  @Override
  public void close() {
    arena.close();
  }
}
