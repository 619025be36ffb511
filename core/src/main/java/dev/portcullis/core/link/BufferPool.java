package dev.portcullis.core.link;

import java.util.ArrayDeque;

/**
 * Reused buffers of the links, in two sizes, so that a small batch does not hold a large buffer.
 * One pool per thread: a buffer that is given back on another thread than it was taken on changes
 * pools. Each pool keeps at most {@link #KEPT} of a size.
 */
final class BufferPool {

  /** Size of the buffers for acknowledgements and small batches. */
  static final int SMALL = 4 * 1024;

  /** The most buffers of one size that a pool keeps. */
  static final int KEPT = 64;

  private static final ThreadLocal<BufferPool> OF_THREAD = ThreadLocal.withInitial(BufferPool::new);

  private final ArrayDeque<byte[]> small = new ArrayDeque<>(KEPT);
  private final ArrayDeque<byte[]> large = new ArrayDeque<>(KEPT);

  private BufferPool() {}

  /** Returns a buffer of at least {@code length} bytes. */
  static byte[] take(int length) {
    BufferPool pool = OF_THREAD.get();
    if (length <= SMALL) {
      byte[] buffer = pool.small.pollLast();
      return buffer != null ? buffer : new byte[SMALL];
    }
    if (length <= dev.portcullis.core.packet.PacketBatch.MAX_BYTES) {
      byte[] buffer = pool.large.pollLast();
      return buffer != null ? buffer : new byte[dev.portcullis.core.packet.PacketBatch.MAX_BYTES];
    }
    return new byte[length];
  }

  /** Gives a buffer back. */
  static void give(byte[] buffer) {
    BufferPool pool = OF_THREAD.get();
    if (buffer.length == SMALL) {
      if (pool.small.size() < KEPT) {
        pool.small.addLast(buffer);
      }
    } else if (buffer.length == dev.portcullis.core.packet.PacketBatch.MAX_BYTES
        && pool.large.size() < KEPT) {
      pool.large.addLast(buffer);
    }
  }
}
