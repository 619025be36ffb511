package dev.portcullis.core.link;

import dev.portcullis.core.packet.PacketBatch;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Settings;

/**
 * Tells the other end of a connection that a frame may have as many bytes as a batch (RFC 9113
 * section 6.5.2, SETTINGS_MAX_FRAME_SIZE): gRPC leaves it at 16 KiB, and each frame costs both ends
 * some twenty objects. A peer that does not care goes on with small frames.
 *
 * <p>Thread: the loop of the connection.
 */
final class LargeFrames extends ChannelInboundHandlerAdapter {

  private static final int MAX_FRAME_BYTES = Integer.highestOneBit(PacketBatch.MAX_BYTES) * 2;

  private LargeFrames() {}

  /** Makes {@code connection}, which is not open yet, say so. */
  static Channel on(Channel connection) {
    connection.pipeline().addLast(new LargeFrames());
    return connection;
  }

  /** Makes all connections that a listening socket accepts say so. */
  @ChannelHandler.Sharable
  static final class OfAccepted extends ChannelInboundHandlerAdapter {
    @Override
    public void channelRead(ChannelHandlerContext context, Object accepted) {
      on((Channel) accepted);
      context.fireChannelRead(accepted);
    }
  }

  /** The preface has been exchanged when bytes have come and HTTP/2 is there to read them. */
  @Override
  public void channelReadComplete(ChannelHandlerContext context) {
    Http2ConnectionHandler http2 = context.pipeline().get(Http2ConnectionHandler.class);
    if (http2 != null) {
      context.pipeline().remove(this);
      ChannelHandlerContext to = context.pipeline().context(http2);
      http2
          .encoder()
          .writeSettings(to, new Http2Settings().maxFrameSize(MAX_FRAME_BYTES), to.newPromise());
      to.flush();
    }
    context.fireChannelReadComplete();
  }
}
