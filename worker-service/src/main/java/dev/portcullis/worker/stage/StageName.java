package dev.portcullis.worker.stage;

import java.util.Locale;

/** The stages that can drop packets: label {@code stage} of the counter of drops. */
public enum StageName {
  DECODE,
  DEFRAGMENT,
  LOOKUP,
  DNAT,
  ACL,
  MTU,
  STATEFUL,
  SNAT,
  RELATED,
  REDISTRIBUTE,
  HELPER,
  EMIT,
  /** The pipeline itself: a stage failed. */
  PIPELINE;

  /** Name in metrics. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
