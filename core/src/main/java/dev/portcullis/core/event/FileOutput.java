package dev.portcullis.core.event;

import dev.portcullis.core.policy.GatewaySpec;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A file that is put aside when it is large or old: {@code eve.json} becomes {@code eve.json.1},
 * that {@code eve.json.2}, and so on; the oldest goes. What is there when the program starts is
 * added to. A file has one writer: a second one is refused.
 */
final class FileOutput implements EventOutput {

  private final Path file;
  private final GatewaySpec.Rotate rotate;
  private final LongSupplier wallClockNs;
  private @Nullable FileChannel channel;
  private long size;
  private long bornNs;

  FileOutput(Path file, GatewaySpec.Rotate rotate, LongSupplier wallClockNs) throws IOException {
    this.file = file;
    this.rotate = rotate;
    this.wallClockNs = wallClockNs;
    open();
  }

  private FileChannel open() throws IOException {
    FileChannel opened =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    boolean taken;
    try {
      taken = opened.tryLock() == null;
    } catch (OverlappingFileLockException e) {
      taken = true;
    } catch (IOException e) {
      // a file system without locks, or no file at all: a pipe, a device
      taken = false;
    }
    if (taken) {
      opened.close();
      throw new IOException(
          "another module writes this file; give each its own with {module} in the path");
    }
    size = opened.size();
    opened.position(size);
    bornNs =
        Files.readAttributes(file, BasicFileAttributes.class).creationTime().toMillis() * 1_000_000;
    channel = opened;
    return opened;
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    FileChannel to = channel == null ? open() : channel;
    boolean old = wallClockNs.getAsLong() - bornNs >= rotate.ageNs();
    if (size > 0 && (old || size + length > rotate.sizeBytes())) {
      to = putAside();
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes, offset, length);
    try {
      while (buffer.hasRemaining()) {
        to.write(buffer);
      }
    } catch (IOException e) {
      to.truncate(size);
      to.position(size);
      throw e;
    }
    size += length;
  }

  private FileChannel putAside() throws IOException {
    close();
    if (rotate.keep() == 0) {
      Files.deleteIfExists(file);
      return open();
    }
    for (int i = rotate.keep() - 1; i >= 1; i--) {
      if (Files.exists(numbered(i))) {
        Files.move(numbered(i), numbered(i + 1), StandardCopyOption.REPLACE_EXISTING);
      }
    }
    Files.move(file, numbered(1), StandardCopyOption.REPLACE_EXISTING);
    FileChannel next = open();
    // where the file system does not tell when a file was made, or keeps that of the one before
    bornNs = Math.max(bornNs, wallClockNs.getAsLong());
    return next;
  }

  private Path numbered(int i) {
    return file.resolveSibling(file.getFileName() + "." + i);
  }

  @Override
  public void reopen() throws IOException {
    close();
    open();
  }

  @Override
  public void close() throws IOException {
    FileChannel open = channel;
    channel = null;
    if (open != null) {
      open.close();
    }
  }
}
