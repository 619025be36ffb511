package dev.portcullis.core.link;

import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollEventLoopGroup;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Level;
import java.util.logging.Logger;

/** The threads of the links of one process. Modules of one process may share them. Any thread. */
public final class LinkLoops implements AutoCloseable {

  /**
   * What links have to say goes to their observer; the libraries' own log tells only of what is
   * severe.
   */
  private static final List<Logger> QUIET =
      List.of(Logger.getLogger("io.grpc"), Logger.getLogger("io.netty"));

  private static final int FIRST_READ_BYTES = 2 * 1024;
  private static final int MOST_READ_BYTES = 512 * 1024;

  static {
    QUIET.forEach(it -> it.setLevel(Level.SEVERE));
  }

  private final EventLoopGroup group;
  private final LinkLoop[] loops;
  private final AtomicInteger next = new AtomicInteger();

  private LinkLoops(int threads, String name) {
    DefaultThreadFactory factory = new DefaultThreadFactory(name, true);
    group =
        Epoll.isAvailable()
            ? new EpollEventLoopGroup(threads, factory)
            : new NioEventLoopGroup(threads, factory);
    loops = new LinkLoop[threads];
    for (int i = 0; i < threads; i++) {
      loops[i] = new LinkLoop((EventLoop) group.next());
    }
  }

  /**
   * Starts threads.
   *
   * @param threads how many, at least 1
   * @param name prefix of their names
   */
  public static LinkLoops start(int threads, String name) {
    return new LinkLoops(threads, name);
  }

  /** Returns one of the loops, each in turn. */
  public LinkLoop next() {
    return loops[Math.floorMod(next.getAndIncrement(), loops.length)];
  }

  EventLoopGroup group() {
    return group;
  }

  /**
   * Sizes of the buffers that a socket is read into: up to so many bytes that a read mostly ends
   * where a message ends; what begins in one buffer and ends in another is copied once more.
   */
  static RecvByteBufAllocator receiveBuffers() {
    return new AdaptiveRecvByteBufAllocator(64, FIRST_READ_BYTES, MOST_READ_BYTES);
  }

  /** Makes a listening socket that shows {@code arrivals} every connection first. */
  static ServerChannel serverChannel(EventLoopGroup group, ChannelHandler arrivals) {
    ServerChannel listening =
        isEpoll(group) ? new EpollServerSocketChannel() : new NioServerSocketChannel();
    listening.pipeline().addLast(arrivals, new LargeFrames.OfAccepted());
    return listening;
  }

  /** Makes a connection to be opened. */
  static Channel clientChannel(EventLoopGroup group) {
    return LargeFrames.on(isEpoll(group) ? new EpollSocketChannel() : new NioSocketChannel());
  }

  /** A single loop is a group too; what it is made of tells its parent. */
  private static boolean isEpoll(EventLoopGroup group) {
    return (group instanceof EventLoop loop ? loop.parent() : group) instanceof EpollEventLoopGroup;
  }

  /** Ends the threads; waits a second at most for what still runs. */
  @Override
  public void close() {
    group.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
  }
}
