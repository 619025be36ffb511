package dev.portcullis.worker.flow;

import java.util.Arrays;

/**
 * Byte strings in chains of blocks of {@link #BLOCK} bytes. Memory is added as needed and kept; who
 * uses it bounds it. Thread: one shard.
 */
final class BlockStore {

  /** Bytes of a block. */
  static final int BLOCK = 256;

  private static final int CHUNK_BITS = 8;
  private static final int CHUNK = 1 << CHUNK_BITS;

  private byte[][] chunks = new byte[0][];
  private int[] next = new int[0];
  private int free = -1;

  /** Returns how many blocks {@code length} bytes take: at least one. */
  static int blocks(int length) {
    return Math.max(1, (length + BLOCK - 1) / BLOCK);
  }

  /** Returns the first of {@code count} blocks in a chain. */
  int allocate(int count) {
    int first = -1;
    for (int i = 0; i < count; i++) {
      if (free < 0) {
        grow();
      }
      int block = free;
      free = next[block];
      next[block] = first;
      first = block;
    }
    return first;
  }

  private void grow() {
    int chunk = chunks.length;
    chunks = Arrays.copyOf(chunks, chunk + 1);
    chunks[chunk] = new byte[CHUNK * BLOCK];
    next = Arrays.copyOf(next, (chunk + 1) * CHUNK);
    for (int block = chunk * CHUNK; block < next.length; block++) {
      next[block] = free;
      free = block;
    }
  }

  /** Gives a chain back. */
  void free(int first) {
    int block = first;
    while (block >= 0) {
      int following = next[block];
      next[block] = free;
      free = block;
      block = following;
    }
  }

  /** Copies {@code length} bytes into a chain, from its byte {@code at} on. */
  void write(int first, int at, byte[] from, int offset, int length) {
    int block = skip(first, at);
    int within = at % BLOCK;
    int done = 0;
    while (done < length) {
      int part = Math.min(length - done, BLOCK - within);
      System.arraycopy(
          from, offset + done, chunks[block >>> CHUNK_BITS], base(block) + within, part);
      done += part;
      within = 0;
      block = next[block];
    }
  }

  /** Copies {@code length} bytes out of a chain, from its byte {@code at} on. */
  void read(int first, int at, byte[] to, int offset, int length) {
    int block = skip(first, at);
    int within = at % BLOCK;
    int done = 0;
    while (done < length) {
      int part = Math.min(length - done, BLOCK - within);
      System.arraycopy(chunks[block >>> CHUNK_BITS], base(block) + within, to, offset + done, part);
      done += part;
      within = 0;
      block = next[block];
    }
  }

  /** Whether a chain has these bytes from its byte {@code at} on. */
  boolean matches(int first, int at, byte[] bytes, int offset, int length) {
    int block = skip(first, at);
    int within = at % BLOCK;
    int done = 0;
    while (done < length) {
      int part = Math.min(length - done, BLOCK - within);
      int start = base(block) + within;
      if (Arrays.mismatch(
              chunks[block >>> CHUNK_BITS],
              start,
              start + part,
              bytes,
              offset + done,
              offset + done + part)
          >= 0) {
        return false;
      }
      done += part;
      within = 0;
      block = next[block];
    }
    return true;
  }

  private int skip(int first, int at) {
    int block = first;
    for (int i = at / BLOCK; i > 0; i--) {
      block = next[block];
    }
    return block;
  }

  private static int base(int block) {
    return (block & CHUNK - 1) * BLOCK;
  }
}
