package dev.portcullis.core.elastic;

import dev.portcullis.core.link.ModuleId;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Who takes part in a table. Immutable.
 *
 * @param epoch number of the table, from 1; 0: {@link #NONE}
 * @param lives workers and IO modules, each module once
 */
public record Members(int epoch, List<Life> lives) {

  /** Nobody, before the first table. */
  public static final Members NONE = new Members(0, List.of());

  /** Copies the list. */
  public Members {
    lives = List.copyOf(lives);
  }

  /** Returns the life of a module, null where it does not take part. */
  public @Nullable Life of(ModuleId module) {
    for (Life life : lives) {
      if (life.module().equals(module)) {
        return life;
      }
    }
    return null;
  }

  /** Whether a module takes part. */
  public boolean has(ModuleId module) {
    return of(module) != null;
  }

  /** Returns the workers, in the order of the list. */
  public List<Life> workers() {
    return lives.stream().filter(Life::isWorker).toList();
  }

  /** Returns the same table with a module in another life; without effect where it has none. */
  public Members with(Life successor) {
    List<Life> changed = new ArrayList<>(lives);
    changed.replaceAll(it -> it.module().equals(successor.module()) ? successor : it);
    return new Members(epoch, changed);
  }

  /** Returns the same table without a life that was fenced. */
  public Members without(Life fenced) {
    List<Life> changed = new ArrayList<>(lives);
    changed.remove(fenced);
    return new Members(epoch, changed);
  }

  /** Returns the same table with those lives of another that it does not have. */
  Members and(Members other) {
    return new Members(epoch, union(other));
  }

  /** Returns those of this table and of another, each module once. */
  public List<Life> union(@Nullable Members other) {
    List<Life> all = new ArrayList<>(lives);
    if (other != null) {
      for (Life life : other.lives) {
        if (!has(life.module())) {
          all.add(life);
        }
      }
    }
    return all;
  }
}
