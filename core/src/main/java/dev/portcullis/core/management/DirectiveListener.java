package dev.portcullis.core.management;

import dev.portcullis.core.distribution.Member;
import java.util.List;

/**
 * Takes what the switch module says. Called on the executor that the client was given, one call at
 * a time.
 */
public interface DirectiveListener {

  /** A newer directive than the last one; its epoch is 1 or more. */
  void onDirective(Directive directive);

  /** A step of a change of table; in the order of the switch module, between directives. */
  default void onOrder(ChangeOrder order) {}

  /** A switch module has accepted this module, or has again. */
  default void onAttached() {}

  /** Another life of this module has been accepted: this one is to end. */
  default void onSuperseded(String sentence) {
    onTrouble(sentence);
  }

  /** Workers that have no place in the table, all there are: links to them are to be opened. */
  default void onJoining(List<Member> workers) {}

  /** The switch module refused this module, or could not be reached; the client tries again. */
  default void onTrouble(String sentence) {}
}
