package dev.portcullis.core.wire;

/**
 * Parts of one direction of a TCP connection that were replaced by text of another length, and by
 * how much numbers are shifted behind each. Positions are sequence numbers of the sender, before
 * any shift; the receiver sees, and acknowledges, shifted ones (RFC 9293 section 3.4).
 *
 * <p>The last {@link #MAX} changes are kept, so that what is sent again is changed again in the
 * same way; of what lies further back only the shift is known, and the receiver has long
 * acknowledged it. Thread: one.
 */
public final class PayloadChanges {

  /** Changes that are kept. FTP waits for an answer to each command, so more than one is rare. */
  public static final int MAX = 4;

  private final int[] position = new int[MAX];
  private final int[] length = new int[MAX];
  private final int[] before = new int[MAX];
  private final byte[][] text = new byte[MAX][];
  private int count;
  private int newest = MAX - 1;

  /** Makes it empty. */
  public PayloadChanges() {}

  /** Whether nothing was ever replaced. */
  public boolean isEmpty() {
    return count == 0;
  }

  /** Number of changes that are kept. */
  public int count() {
    return count;
  }

  /**
   * Replaces {@code length} bytes from {@code position} on, which lies behind all earlier changes.
   *
   * @param by takes their place; not copied
   */
  public void add(int position, int length, byte[] by) {
    add(position, length, by, count == 0 ? 0 : behind(newest));
  }

  /**
   * As {@link #add(int, int, byte[])}, of changes that were made elsewhere.
   *
   * @param shift by how much numbers are shifted before it: {@link #before}
   */
  public void add(int position, int length, byte[] by, int shift) {
    newest = (newest + 1) % MAX;
    this.position[newest] = position;
    this.length[newest] = length;
    this.before[newest] = shift;
    this.text[newest] = by;
    count = Math.min(count + 1, MAX);
  }

  private int behind(int slot) {
    return before[slot] + text[slot].length - length[slot];
  }

  /** Returns the place of the change that is {@code age} changes before the newest one. */
  private int slot(int age) {
    return (newest - age + MAX) % MAX;
  }

  /** Position of a change; 0 is the newest. */
  public int position(int age) {
    return position[slot(age)];
  }

  /** Bytes that a change takes the place of. */
  public int length(int age) {
    return length[slot(age)];
  }

  /** What takes their place. */
  public byte[] text(int age) {
    return text[slot(age)];
  }

  /** By how much numbers are shifted before a change. */
  public int before(int age) {
    return before[slot(age)];
  }

  /** Returns the shift of a segment that begins at {@code sequence}. */
  public int ofSequence(int sequence) {
    int shift = 0;
    for (int age = 0; age < count; age++) {
      int slot = slot(age);
      if (sequence - position[slot] > 0) {
        return behind(slot);
      }
      shift = before[slot];
    }
    return shift;
  }

  /**
   * Returns the number of the sender for one that the receiver acknowledges. Inside of a replaced
   * part it is the part's beginning: nothing of it counts before all of it has come.
   */
  public int acknowledged(int number) {
    int shift = 0;
    for (int age = 0; age < count; age++) {
      int slot = slot(age);
      int start = position[slot] + before[slot];
      if (number - start > 0) {
        int behind = number - (start + text[slot].length);
        return behind >= 0 ? number - behind(slot) : position[slot];
      }
      shift = before[slot];
    }
    return number - shift;
  }
}
