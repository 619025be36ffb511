package dev.portcullis.core.link;

import org.jspecify.annotations.Nullable;

/**
 * The streams to switches that may carry a channel, in the order in which the channel prefers them,
 * and by which of them its peer was heard. A switch that is up may have lost the peer, or stand
 * still: so a stream by which the peer was heard is better than one that is only open, and one by
 * which nothing came back in time is doubted until the peer is heard by it again.
 *
 * <p>Thread: the loop of the lane.
 */
final class SwitchPaths {

  private Channel.@Nullable Wire[] streams = {};
  private boolean[] heard = {};

  /** Where to begin among streams that nothing is known of. */
  private int first;

  /** Says how many switches there are. */
  void count(int switches) {
    if (streams.length != switches) {
      streams = new Channel.Wire[switches];
      heard = new boolean[switches];
      first = 0;
    }
  }

  /** The stream to the {@code i}-th switch; null: none is open. */
  void set(int i, Channel.@Nullable Wire stream) {
    if (streams[i] != stream) {
      streams[i] = stream;
      heard[i] = false;
    }
  }

  /** The stream to send by; null: none is open. */
  Channel.@Nullable Wire best() {
    for (int i = 0; i < streams.length; i++) {
      if (heard[i]) {
        return streams[i];
      }
    }
    for (int i = 0; i < streams.length; i++) {
      Channel.Wire it = streams[(first + i) % streams.length];
      if (it != null) {
        return it;
      }
    }
    return null;
  }

  /** The peer was heard by a stream. Returns whether that is news. */
  boolean heard(Channel.Wire by) {
    int i = indexOf(by);
    if (i < 0 || heard[i]) {
      return false;
    }
    heard[i] = true;
    return true;
  }

  /** Nothing came back of what was sent by a stream. */
  void doubt(Channel.@Nullable Wire by) {
    int i = indexOf(by);
    if (i >= 0) {
      heard[i] = false;
      first = (i + 1) % streams.length;
    }
  }

  /**
   * A stream that is preferred to the one in use and open, and by which the peer was not heard;
   * null where there is none.
   */
  Channel.@Nullable Wire silent(Channel.@Nullable Wire inUse) {
    for (int i = 0; i < indexOf(inUse); i++) {
      if (streams[i] != null && !heard[i]) {
        return streams[i];
      }
    }
    return null;
  }

  private int indexOf(Channel.@Nullable Wire stream) {
    for (int i = 0; i < streams.length && stream != null; i++) {
      if (streams[i] == stream) {
        return i;
      }
    }
    return -1;
  }
}
