package dev.portcullis.core.link;

import io.grpc.Attributes;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerTransportFilter;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.net.SocketAddress;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Connections that were accepted and over which nobody has called yet. One over which nobody calls
 * in {@link LinkSettings#helloNs} is closed and counted as silent; one that ends because what came
 * was not the protocol is counted too. From the first call on, it is the call that is refused or
 * not.
 *
 * <p>Bound: one entry per open connection. Threads: those of the connections.
 */
@ChannelHandler.Sharable
final class Arrivals extends ChannelInboundHandlerAdapter {

  private final long helloNs;
  private final boolean encrypted;
  private final Refusals refusals;
  private final Map<SocketAddress, Arrival> arrivals = new ConcurrentHashMap<>();

  Arrivals(long helloNs, boolean encrypted, Refusals refusals) {
    this.helloNs = helloNs;
    this.encrypted = encrypted;
    this.refusals = refusals;
  }

  /** A listening socket hands a new connection on. */
  @Override
  public void channelRead(ChannelHandlerContext context, Object accepted) {
    Channel connection = (Channel) accepted;
    SocketAddress peer = connection.remoteAddress();
    if (peer != null) {
      Arrival arrival = new Arrival(peer);
      arrivals.put(peer, arrival);
      connection.pipeline().addFirst(arrival);
    }
    context.fireChannelRead(accepted);
  }

  private @Nullable Arrival of(Attributes transport) {
    SocketAddress peer = transport.get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR);
    return peer == null ? null : arrivals.get(peer);
  }

  /** Learns which connections speak HTTP/2, after a TLS handshake where links are encrypted. */
  ServerTransportFilter transports() {
    return new ServerTransportFilter() {
      @Override
      public Attributes transportReady(Attributes transport) {
        Arrival arrival = of(transport);
        if (arrival != null) {
          arrival.understood = true;
        }
        return transport;
      }
    };
  }

  /** Learns over which connections somebody calls. */
  ServerInterceptor calls() {
    return new ServerInterceptor() {
      @Override
      public <Q, A> ServerCall.Listener<Q> interceptCall(
          ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        Arrival arrival = of(call.getAttributes());
        if (arrival != null) {
          arrival.called = true;
        }
        return next.startCall(call, headers);
      }
    };
  }

  /** One connection. Thread: its own. */
  private final class Arrival extends ChannelInboundHandlerAdapter {
    private final SocketAddress peer;
    private boolean heard;
    private boolean understood;
    private boolean called;

    Arrival(SocketAddress peer) {
      this.peer = peer;
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
      context.executor().schedule(() -> waited(context), helloNs, TimeUnit.NANOSECONDS);
      context.fireChannelActive();
    }

    private void waited(ChannelHandlerContext context) {
      if (!called && context.channel().isActive()) {
        called = true;
        refusals.count(
            LinkFault.SILENT,
            peer.toString(),
            "said nothing of who it is for "
                + TimeUnit.NANOSECONDS.toMillis(helloNs)
                + " ms after it connected");
        context.close();
      }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object bytes) {
      heard = true;
      context.fireChannelRead(bytes);
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
      arrivals.remove(peer, this);
      if (heard && !understood && !called) {
        refusals.count(
            encrypted ? LinkFault.IDENTITY : LinkFault.MALFORMED,
            peer.toString(),
            encrypted
                ? "ended the connection without a TLS handshake that both sides trust"
                : "does not speak gRPC, or speaks TLS where links are in plain text");
      }
      context.fireChannelInactive();
    }
  }
}
