package dev.portcullis.worker.flow;

/** Told of the life of flows. Thread: the shard that has the table. */
public interface FlowListener {

  /**
   * A flow has begun: all its words are set, its first packet is counted.
   *
   * @param flow number of the flow
   */
  default void opened(int flow) {}

  /**
   * A flow has ended; its words can be read until this returns, then its number may be given to
   * another one. Must not open or end flows itself.
   *
   * @param flow number of the flow
   * @param atNs capture time at which it ended: where it is by time, the moment when that was due,
   *     however much later it is noticed
   */
  default void ended(int flow, EndReason why, long atNs) {}
}
