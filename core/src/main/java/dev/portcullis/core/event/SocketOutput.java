package dev.portcullis.core.event;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A Unix stream socket that somebody else listens on; connected to again when it breaks. */
final class SocketOutput implements EventOutput {

  private final Path path;
  private @Nullable SocketChannel channel;

  SocketOutput(Path path) {
    this.path = path;
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    SocketChannel to = channel;
    if (to == null) {
      to = SocketChannel.open(StandardProtocolFamily.UNIX);
      try {
        to.connect(UnixDomainSocketAddress.of(path));
      } catch (IOException e) {
        to.close();
        throw e;
      }
      channel = to;
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes, offset, length);
    try {
      while (buffer.hasRemaining()) {
        to.write(buffer);
      }
    } catch (IOException e) {
      close();
      throw e;
    }
  }

  @Override
  public void reopen() throws IOException {
    close();
  }

  @Override
  public void close() throws IOException {
    SocketChannel open = channel;
    channel = null;
    if (open != null) {
      open.close();
    }
  }
}
