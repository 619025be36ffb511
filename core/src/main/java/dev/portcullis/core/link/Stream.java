package dev.portcullis.core.link;

import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.Status;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** One call of {@code PacketLink.Exchange}, from whichever side. Sending: one thread at a time. */
abstract class Stream implements Channel.Wire {

  static final String SERVICE = "portcullis.link.v1.PacketLink";

  static final MethodDescriptor<LinkMessage, LinkMessage> EXCHANGE =
      MethodDescriptor.<LinkMessage, LinkMessage>newBuilder()
          .setType(MethodDescriptor.MethodType.BIDI_STREAMING)
          .setFullMethodName(SERVICE + "/Exchange")
          .setRequestMarshaller(LinkMessage.MARSHALLER)
          .setResponseMarshaller(LinkMessage.MARSHALLER)
          .build();

  /** Messages that the transport may hand over before it is asked for more. */
  static final int CREDIT = 64;

  /** Bytes that the transport may hold before {@link #ready} says no. */
  static final int READY_BYTES = 4 << 20;

  private volatile boolean open = true;
  private @Nullable Hello peer;
  private int taken;

  /** Takes what a stream brings. Thread: that of the transport. */
  interface Handler {

    /** A message; the receiver gives its body back to the {@link BufferPool}. */
    void message(LinkMessage message);

    /** The stream has ended. */
    void closed(String why);
  }

  @Override
  public boolean open() {
    return open;
  }

  /** Who is at the other end; known once the stream is open. */
  Hello peer() {
    return Objects.requireNonNull(peer);
  }

  void peer(Hello hello) {
    peer = hello;
  }

  abstract void request(int n);

  /** Ends the stream with a status. */
  abstract void end(Status status);

  void ended() {
    open = false;
  }

  /** A message was taken: asks for more in bulk. */
  void taken() {
    if (++taken == CREDIT / 2) {
      taken = 0;
      request(CREDIT / 2);
    }
  }

  /** The accepting side. */
  static final class Accepted extends Stream {
    private final ServerCall<LinkMessage, LinkMessage> call;

    Accepted(ServerCall<LinkMessage, LinkMessage> call) {
      this.call = call;
    }

    @Override
    public void send(LinkMessage message) {
      if (open()) {
        call.sendMessage(message);
      }
    }

    @Override
    public boolean ready() {
      return call.isReady();
    }

    @Override
    void request(int n) {
      call.request(n);
    }

    @Override
    void end(Status status) {
      if (open()) {
        ended();
        call.close(status, new Metadata());
      }
    }
  }

  /** The opening side. */
  static final class Opened extends Stream {
    private final ClientCall<LinkMessage, LinkMessage> call;

    Opened(ClientCall<LinkMessage, LinkMessage> call) {
      this.call = call;
    }

    @Override
    public void send(LinkMessage message) {
      if (open()) {
        call.sendMessage(message);
      }
    }

    @Override
    public boolean ready() {
      return call.isReady();
    }

    @Override
    void request(int n) {
      call.request(n);
    }

    @Override
    void end(Status status) {
      if (open()) {
        ended();
        if (status.isOk()) {
          call.halfClose();
        } else {
          call.cancel(status.getDescription(), null);
        }
      }
    }
  }
}
