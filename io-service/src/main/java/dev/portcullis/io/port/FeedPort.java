package dev.portcullis.io.port;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.link.Outlet;
import dev.portcullis.core.packet.PacketBatch;

/**
 * A port whose frames come from a replay and go back to it, over a link: it takes the place of
 * whatever driver the configuration names while recorded traffic is played through the gateway.
 */
public final class FeedPort implements Port {

  private final int tag;
  private final String name;
  private final Outlet feed;

  /**
   * Makes the port.
   *
   * @param feed channel to the replay
   */
  public FeedPort(int tag, String name, Outlet feed) {
    this.tag = tag;
    this.name = name;
    this.feed = feed;
  }

  @Override
  public int tag() {
    return tag;
  }

  @Override
  public String name() {
    return name;
  }

  /** Does nothing: the frames of the feed reach the IO module as batches of a link. */
  @Override
  public void start(FrameSink sink) {}

  @Override
  public DropReason transmit(PacketBatch batch, int i) {
    return feed.offer(batch, i) ? DropReason.NONE : DropReason.LINK_QUEUE_FULL;
  }

  @Override
  public void settled(PacketBatch batch, int i) {
    feed.offer(batch, i);
  }

  @Override
  public void flush() {
    feed.flush();
  }

  @Override
  public void close() {
    feed.flush();
  }
}
