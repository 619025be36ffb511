package dev.portcullis.core.link;

import dev.portcullis.core.packet.PacketBatch;
import io.grpc.Drainable;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/**
 * One message of a stream as bytes: a head and a body that follow each other on the wire. A channel
 * fills the same one again once the transport has taken its bytes.
 */
final class LinkMessage extends InputStream implements Drainable, KnownLength {

  /** Marshaller that neither copies on the way out nor parses on the way in. */
  static final MethodDescriptor.Marshaller<LinkMessage> MARSHALLER =
      new MethodDescriptor.Marshaller<>() {
        @Override
        public InputStream stream(LinkMessage message) {
          return message;
        }

        @Override
        public LinkMessage parse(InputStream stream) {
          return read(stream);
        }
      };

  /**
   * The most bytes of one message that the transport gathers; what is longer than {@link
   * PacketBatch#MAX_BYTES} is refused by name, what is longer than this by the transport.
   */
  static final int MOST_BUFFERED = 16 << 20;

  private static final byte[] NOTHING = new byte[0];

  final byte[] head;
  int headLength;
  byte[] body;
  int bodyLength;
  private int at;

  /** An empty message to be sent, with room for a head. */
  LinkMessage() {
    this(new byte[BatchCodec.MAX_FIXED_HEADER], 0, NOTHING, 0);
  }

  LinkMessage(byte[] head, int headLength, byte[] body, int bodyLength) {
    this.head = head;
    this.headLength = headLength;
    this.body = body;
    this.bodyLength = bodyLength;
  }

  /** Makes this another message: what stands in {@link #head}, then {@code nextBody}. */
  void fill(int lengthOfHead, byte[] nextBody, int length) {
    headLength = lengthOfHead;
    body = nextBody;
    bodyLength = length;
    at = 0;
  }

  private static LinkMessage read(InputStream stream) {
    try {
      int length = stream.available();
      if (length > PacketBatch.MAX_BYTES) {
        return new LinkMessage(NOTHING, 0, NOTHING, length);
      }
      byte[] bytes = BufferPool.take(length);
      int read = 0;
      while (read < length) {
        int n = stream.read(bytes, read, length - read);
        if (n < 0) {
          break;
        }
        read += n;
      }
      return new LinkMessage(NOTHING, 0, bytes, read);
    } catch (IOException e) {
      throw io.grpc.Status.INTERNAL
          .withDescription("a message could not be read")
          .withCause(e)
          .asRuntimeException();
    }
  }

  /** Whether the peer sent more than a message may have; then there are no bytes. */
  boolean tooLarge() {
    return bodyLength > body.length;
  }

  /** The refusal of a peer that sent more than a message may have. */
  RefusedException refusal() {
    return LinkFault.TOO_LARGE.refusal(
        "a message of " + bodyLength + " bytes; up to " + PacketBatch.MAX_BYTES + " are taken");
  }

  @Override
  public int available() {
    return headLength + bodyLength - at;
  }

  @Override
  public int drainTo(OutputStream target) throws IOException {
    int length = available();
    if (at < headLength) {
      target.write(head, at, headLength - at);
    }
    int inBody = Math.max(0, at - headLength);
    target.write(body, inBody, bodyLength - inBody);
    at = headLength + bodyLength;
    return length;
  }

  @Override
  public int read() {
    if (available() == 0) {
      return -1;
    }
    int value = at < headLength ? head[at] : body[at - headLength];
    at++;
    return value & 0xff;
  }
}
