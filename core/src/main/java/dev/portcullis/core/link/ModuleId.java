package dev.portcullis.core.link;

/**
 * Which module of the gateway: its kind and its number within the kind, from 0.
 *
 * @param kind what sort of module
 * @param number for a worker its identification number A; for an IO module its place in {@code
 *     spec.io} (replicas counted); below 2^24
 */
public record ModuleId(Kind kind, int number) {

  /** The sorts of modules; the code is the upper byte of the id on the wire. */
  public enum Kind {
    /** Has ports. */
    IO(1),
    /** Enforces policy. */
    WORKER(2),
    /** Relays between workers and manages. */
    SWITCH(3),
    /** Feeds the ports of IO modules with recorded frames: the replay driver. */
    FEED(4);

    private final int code;

    Kind(int code) {
      this.code = code;
    }

    /** Code on the wire: 1 to 255. */
    public int code() {
      return code;
    }

    /** Name in metadata, certificates and messages: lower case. */
    public String label() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  /** Checks the range of the number. */
  public ModuleId {
    if (number < 0 || number >= 1 << 24) {
      throw new IllegalArgumentException("the number of a module is 0 to 16777215, not " + number);
    }
  }

  /** Returns the worker with identification number {@code a}. */
  public static ModuleId worker(int a) {
    return new ModuleId(Kind.WORKER, a);
  }

  /** Returns the IO module with this number. */
  public static ModuleId io(int number) {
    return new ModuleId(Kind.IO, number);
  }

  /** Returns the id on the wire: {@code kind << 24 | number}. */
  public int encoded() {
    return kind.code << 24 | number;
  }

  /**
   * Returns the module that an id on the wire means.
   *
   * @throws IllegalArgumentException for a kind that does not exist
   */
  public static ModuleId decode(int encoded) {
    for (Kind kind : Kind.values()) {
      if (kind.code == encoded >>> 24) {
        return new ModuleId(kind, encoded & 0xff_ffff);
      }
    }
    throw new IllegalArgumentException("no module has the id 0x" + Integer.toHexString(encoded));
  }

  /** Returns for example {@code worker/2}. */
  @Override
  public String toString() {
    return kind.label() + "/" + number;
  }
}
