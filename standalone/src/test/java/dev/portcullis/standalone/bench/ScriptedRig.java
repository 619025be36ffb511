package dev.portcullis.standalone.bench;

import java.util.List;

/** A rig whose windows give the figures of two lists. */
final class ScriptedRig implements Rig {

  private final List<String> events;
  private final double[][] figures;
  private final int[] next = new int[2];
  boolean closed;

  ScriptedRig(List<String> events, double[] ours, double[] reference) {
    this.events = events;
    this.figures = new double[][] {ours, reference};
  }

  @Override
  public double measure(Side side) {
    events.add(side.name());
    return figures[side.ordinal()][next[side.ordinal()]++];
  }

  @Override
  public void close() {
    closed = true;
  }
}
