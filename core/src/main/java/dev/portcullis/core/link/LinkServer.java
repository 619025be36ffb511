package dev.portcullis.core.link;

import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.grpc.ServerCall;
import io.grpc.ServerCallExecutorSupplier;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.xds.XdsServerBuilder;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Accepts streams: checks who speaks before a single message is read, answers with who listens. */
final class LinkServer implements AutoCloseable {

  /**
   * Bytes of HTTP/2 flow control window: at least a batch, so that a stream never waits for a round
   * trip.
   */
  static final int FLOW_CONTROL_WINDOW = 2 << 20;

  private final Server server;

  /** Decides about streams. */
  interface Acceptor {

    /** The headers to answer with: who listens. */
    Metadata answer(Hello hello);

    /**
     * Looks at who speaks, before anything is answered.
     *
     * @throws RefusedException to refuse the stream
     */
    void check(Hello hello);

    /** Takes a stream. */
    Stream.Handler accepted(Hello hello, Stream stream);
  }

  LinkServer(
      String host,
      int port,
      EventLoopGroup group,
      LinkSecurity security,
      LinkSettings settings,
      Refusals refusals,
      Acceptor acceptor,
      List<Companion> companions)
      throws IOException {
    ServerBuilder<?> builder =
        (security.byXds()
                ? XdsServerBuilder.forPort(port, security.serverCredentials())
                : netty(new InetSocketAddress(host, port), group, security, settings, refusals))
            .directExecutor()
            .maxInboundMessageSize(LinkMessage.MOST_BUFFERED)
            .maxInboundMetadataSize(8 * 1024)
            .keepAliveTime(settings.keepAliveNs(), TimeUnit.NANOSECONDS)
            .keepAliveTimeout(settings.keepAliveNs(), TimeUnit.NANOSECONDS)
            .permitKeepAliveTime(1, TimeUnit.SECONDS)
            .permitKeepAliveWithoutCalls(true)
            .addService(
                ServerServiceDefinition.builder(Stream.SERVICE)
                    .addMethod(
                        Stream.EXCHANGE,
                        (call, headers) -> accept(call, headers, security, refusals, acceptor))
                    .build());
    companions.forEach(it -> builder.addService(it.service()));
    if (!companions.isEmpty()) {
      builder.callExecutor(
          new ServerCallExecutorSupplier() {
            @Override
            public <Q, A> @Nullable Executor getExecutor(ServerCall<Q, A> call, Metadata headers) {
              String name = call.getMethodDescriptor().getServiceName();
              for (Companion it : companions) {
                if (it.service().getServiceDescriptor().getName().equals(name)) {
                  return it.executor();
                }
              }
              return null;
            }
          });
    }
    server = builder.build().start();
  }

  /** A server on the threads of the module; one by xDS has threads of its own. */
  private static NettyServerBuilder netty(
      InetSocketAddress address,
      EventLoopGroup group,
      LinkSecurity security,
      LinkSettings settings,
      Refusals refusals) {
    Arrivals arrivals = new Arrivals(settings.helloNs(), security.encrypted(), refusals);
    return NettyServerBuilder.forAddress(address, security.serverCredentials())
        .bossEventLoopGroup(group)
        .workerEventLoopGroup(group)
        .channelFactory(() -> LinkLoops.serverChannel(group, arrivals))
        .flowControlWindow(FLOW_CONTROL_WINDOW)
        .withChildOption(ChannelOption.RCVBUF_ALLOCATOR, LinkLoops.receiveBuffers())
        .addTransportFilter(arrivals.transports())
        .intercept(arrivals.calls());
  }

  private static ServerCall.Listener<LinkMessage> accept(
      ServerCall<LinkMessage, LinkMessage> call,
      Metadata headers,
      LinkSecurity security,
      Refusals refusals,
      Acceptor acceptor) {
    try {
      Hello hello = Hello.of(headers);
      security.checkCaller(hello.module(), call.getAttributes());
      Stream stream = new Stream.Accepted(call);
      call.setOnReadyThreshold(Stream.READY_BYTES);
      acceptor.check(hello);
      call.sendHeaders(acceptor.answer(hello));
      Stream.Handler handler = acceptor.accepted(hello, stream);
      call.request(Stream.CREDIT);
      return new ServerCall.Listener<>() {
        @Override
        public void onMessage(LinkMessage message) {
          stream.taken();
          handler.message(message);
        }

        @Override
        public void onHalfClose() {
          stream.end(Status.OK);
          handler.closed("the peer finished the stream");
        }

        @Override
        public void onCancel() {
          stream.ended();
          handler.closed("the stream broke");
        }
      };
    } catch (RefusedException e) {
      SocketAddress peer = call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR);
      refusals.count(e.fault(), String.valueOf(peer), e.why());
      call.close(e.getStatus(), new Metadata());
      return new ServerCall.Listener<>() {};
    }
  }

  InetSocketAddress address() {
    return (InetSocketAddress) server.getListenSockets().get(0);
  }

  /** Refuses new streams; those that are open were finished before. */
  @Override
  public void close() {
    server.shutdown();
    try {
      if (!server.awaitTermination(500, TimeUnit.MILLISECONDS)) {
        server.shutdownNow();
      }
    } catch (InterruptedException e) {
      server.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }
}
