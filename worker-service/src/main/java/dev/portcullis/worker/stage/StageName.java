package dev.portcullis.worker.stage;

import java.util.Locale;

/** The stages that can drop packets: label {@code stage} of the counter of drops. */
public enum StageName {
  DECODE,
  LOOKUP,
  DNAT,
  ACL,
  STATEFUL,
  SNAT,
  REDISTRIBUTE,
  EMIT;

  /** Name in metrics. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
