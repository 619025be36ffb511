package dev.portcullis.worker.pipeline;

/** Told of stages that failed on a packet: a fault of the gateway. Thread: the shard. */
@FunctionalInterface
public interface StageFaults {

  /**
   * A stage failed; the packet was dropped and counted.
   *
   * @param number number that the IO module gave the frame
   */
  void stageFailed(long number, RuntimeException fault);
}
