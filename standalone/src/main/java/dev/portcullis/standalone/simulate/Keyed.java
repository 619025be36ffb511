package dev.portcullis.standalone.simulate;

import java.util.Iterator;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/**
 * Values by a number, in the order in which the numbers came: what a linked hash map of boxed
 * numbers does, without boxes. An iteration may remove what it has just given, and nothing else may
 * change meanwhile.
 *
 * @param <V> the values
 */
final class Keyed<V> implements Iterable<Keyed.Node<V>> {

  /** A number and its value. */
  static final class Node<V> {
    final long key;
    V value;
    private @Nullable Node<V> chain;
    private @Nullable Node<V> before;
    private @Nullable Node<V> after;

    private Node(long key, V value) {
      this.key = key;
      this.value = value;
    }
  }

  private static final int FIRST_SIZE = 16;

  private @Nullable Node<V>[] heads = heads(FIRST_SIZE);
  private @Nullable Node<V> first;
  private @Nullable Node<V> last;
  private int size;

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static <V> @Nullable Node<V>[] heads(int size) {
    return new Node[size];
  }

  private static int place(long key, int size) {
    return (int) (key * 0x9e3779b97f4a7c15L >>> 40) & size - 1;
  }

  private @Nullable Node<V> node(long key) {
    Node<V> node = heads[place(key, heads.length)];
    while (node != null && node.key != key) {
      node = node.chain;
    }
    return node;
  }

  /** Returns the value of a number, null where it has none. */
  @Nullable V get(long key) {
    Node<V> node = node(key);
    return node == null ? null : node.value;
  }

  /** Whether a number has a value. */
  boolean has(long key) {
    return node(key) != null;
  }

  /** Sets the value of a number; one that has a value keeps its place. */
  void put(long key, V value) {
    Node<V> node = node(key);
    if (node == null) {
      add(key, value);
    } else {
      node.value = value;
    }
  }

  /** Sets the value of a number that has none. */
  void putIfAbsent(long key, V value) {
    if (node(key) == null) {
      add(key, value);
    }
  }

  private void add(long key, V value) {
    if (size == heads.length) {
      grow();
    }
    Node<V> node = new Node<>(key, value);
    int at = place(key, heads.length);
    node.chain = heads[at];
    heads[at] = node;
    Node<V> end = last;
    node.before = end;
    if (end == null) {
      first = node;
    } else {
      end.after = node;
    }
    last = node;
    size++;
  }

  private void grow() {
    @Nullable Node<V>[] larger = heads(2 * heads.length);
    for (Node<V> node = first; node != null; node = node.after) {
      int at = place(node.key, larger.length);
      node.chain = larger[at];
      larger[at] = node;
    }
    heads = larger;
  }

  /** Removes a number. Returns its value, null where it had none. */
  @Nullable V remove(long key) {
    int at = place(key, heads.length);
    Node<V> previous = null;
    Node<V> node = heads[at];
    while (node != null && node.key != key) {
      previous = node;
      node = node.chain;
    }
    if (node == null) {
      return null;
    }
    if (previous == null) {
      heads[at] = node.chain;
    } else {
      previous.chain = node.chain;
    }
    unlink(node);
    size--;
    return node.value;
  }

  private void unlink(Node<V> node) {
    Node<V> before = node.before;
    Node<V> after = node.after;
    if (before == null) {
      first = after;
    } else {
      before.after = after;
    }
    if (after == null) {
      last = before;
    } else {
      after.before = before;
    }
  }

  /** Returns the oldest number and its value, null when there are none. */
  @Nullable Node<V> oldest() {
    return first;
  }

  int size() {
    return size;
  }

  boolean isEmpty() {
    return size == 0;
  }

  void clear() {
    if (size > 0) {
      heads = heads(FIRST_SIZE);
      first = null;
      last = null;
      size = 0;
    }
  }

  @Override
  public Iterator<Node<V>> iterator() {
    return new Iterator<>() {
      private @Nullable Node<V> next = first;
      private @Nullable Node<V> given;

      @Override
      public boolean hasNext() {
        return next != null;
      }

      @Override
      public Node<V> next() {
        Node<V> node = next;
        if (node == null) {
          throw new NoSuchElementException();
        }
        given = node;
        next = node.after;
        return node;
      }

      @Override
      public void remove() {
        Node<V> node = given;
        if (node == null) {
          throw new IllegalStateException("nothing was given");
        }
        given = null;
        Keyed.this.remove(node.key);
      }
    };
  }
}
