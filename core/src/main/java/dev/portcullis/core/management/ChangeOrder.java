package dev.portcullis.core.management;

import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.elastic.ControlMessage.Order;
import java.util.List;

/**
 * A step of a change of table, with what a module needs to take it. Immutable.
 *
 * @param order the step
 * @param now workers of the table before, with their addresses; empty but with {@code prepare}
 * @param next workers of the table that is coming; likewise
 */
public record ChangeOrder(Order order, List<Member> now, List<Member> next) {

  /** Copies the lists. */
  public ChangeOrder {
    now = List.copyOf(now);
    next = List.copyOf(next);
  }

  /** Returns a step that is not {@code prepare}. */
  public static ChangeOrder of(Order order) {
    return new ChangeOrder(order, List.of(), List.of());
  }
}
