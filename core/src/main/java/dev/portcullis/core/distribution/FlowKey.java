package dev.portcullis.core.distribution;

import dev.portcullis.core.policy.expression.HeaderFields;

/**
 * What a packet is assigned by: V and its traffic class. Filled by {@link DistributionTable#assign}
 * and used again for the next packet; one object per thread.
 */
public final class FlowKey {

  /** Upper 64 bits of V, unsigned. */
  public long vHigh;

  /** Lower 64 bits of V, unsigned. */
  public long vLow;

  /** Index into {@link DistributionTable#classNames}; 0 is {@code default}. */
  public int trafficClass;

  /** Packets whose expression failed since the start. May be read by any thread. */
  public long failures;

  /** What the expression of a packet sees. */
  final HeaderFields fields = new HeaderFields();

  /** Creates the key of a packet without readable addresses: V = 0, class 0. */
  public FlowKey() {}

  /** Sets all three parts. */
  public void set(int trafficClass, long vHigh, long vLow) {
    this.trafficClass = trafficClass;
    this.vHigh = vHigh;
    this.vLow = vLow;
  }
}
