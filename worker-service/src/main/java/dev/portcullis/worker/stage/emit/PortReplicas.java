package dev.portcullis.worker.stage.emit;

import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.worker.policy.Egress;
import java.util.Arrays;

/**
 * Which replica of a routed port a packet leaves by: the one that its flow has, or while the IO
 * module of that is away or about to end, another one that is there; the packets of a flow by the
 * same. Where none is there, they wait for their own. Thread: the shard.
 */
final class PortReplicas {

  private final Egress egress;
  private final int[][] insteadOf;
  private int[] streams = new int[16];
  private boolean[] leaving = new boolean[16];

  /** Knows of no IO module yet: every packet leaves by the replica that its flow has. */
  PortReplicas(Egress egress) {
    this.egress = egress;
    this.insteadOf = new int[egress.tags()][0];
  }

  /**
   * Returns the tag to leave by.
   *
   * @param tag the one that the flow has
   * @param vLow what the packets of a flow have in common
   */
  int of(int tag, long vLow) {
    int[] others = insteadOf[tag];
    return others.length == 0
        ? tag
        : others[(int) Long.remainderUnsigned(Lanes.mix(vLow), others.length)];
  }

  /** A stream of an IO module is open, or has ended. */
  void stream(int io, boolean open) {
    ensure(io);
    streams[io] = Math.max(0, streams[io] + (open ? 1 : -1));
    leaving[io] &= !open;
    choose();
  }

  /** An IO module takes nothing in any more, and ends when it has put out what it was sent. */
  void leaves(int io) {
    ensure(io);
    leaving[io] = true;
    choose();
  }

  private void ensure(int io) {
    if (io >= streams.length) {
      streams = Arrays.copyOf(streams, io + 16);
      leaving = Arrays.copyOf(leaving, io + 16);
    }
  }

  private boolean isThere(int tag) {
    int io = egress.at(tag).io().number();
    return io < streams.length && streams[io] > 0 && !leaving[io];
  }

  private void choose() {
    for (int tag = 0; tag < insteadOf.length; tag++) {
      insteadOf[tag] =
          isThere(tag) || egress.partner(tag) >= 0 ? new int[0] : there(egress.replicas(tag));
    }
  }

  private int[] there(int[] tags) {
    int[] those = new int[tags.length];
    int count = 0;
    for (int tag : tags) {
      if (isThere(tag)) {
        those[count++] = tag;
      }
    }
    return Arrays.copyOf(those, count);
  }
}
