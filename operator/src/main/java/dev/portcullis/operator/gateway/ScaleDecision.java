package dev.portcullis.operator.gateway;

import org.jspecify.annotations.Nullable;

/**
 * Whose number of workers holds: that of the gateway, or that of the StatefulSet where somebody has
 * scaled it. The last word wins: the operator notes on the StatefulSet what it wrote last, so a
 * StatefulSet that differs from the note was scaled by somebody else, and a gateway that differs
 * from it has been since.
 *
 * @param workers that shall run
 * @param adopt whether the gateway is to say so as well, because somebody scaled the StatefulSet
 */
record ScaleDecision(int workers, boolean adopt) {

  /**
   * Decides.
   *
   * @param wanted of the gateway
   * @param actual of the StatefulSet; null: there is none
   * @param written what the operator wrote last to it; null: it does not say
   */
  static ScaleDecision of(int wanted, @Nullable Integer actual, @Nullable Integer written) {
    if (actual != null && written != null && !actual.equals(written) && wanted == written) {
      return new ScaleDecision(actual, true);
    }
    return new ScaleDecision(wanted, false);
  }
}
