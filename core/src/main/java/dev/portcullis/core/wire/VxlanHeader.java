package dev.portcullis.core.wire;

/**
 * The header of VXLAN, RFC 7348 section 5: a flag, the number of the virtual network (VNI), and
 * bits that are zero when sent and not looked at when received. An Ethernet frame follows. Any
 * thread.
 */
public final class VxlanHeader {

  /** Bytes of the header. */
  public static final int BYTES = 8;

  /** {@link #vni}: the header is cut off, or says that it has no VNI. */
  public static final int MALFORMED = -1;

  /** The flag I: the VNI is valid. */
  private static final int VALID = 0x08;

  private VxlanHeader() {}

  /**
   * Returns the VNI, 0 to 2^24 - 1, or {@link #MALFORMED}.
   *
   * @param at where the datagram begins
   * @param length bytes of it
   */
  public static int vni(byte[] bytes, int at, int length) {
    if (length < BYTES || (bytes[at] & VALID) == 0) {
      return MALFORMED;
    }
    return (int) (PacketHeader.u32(bytes, at + 4) >>> 8);
  }

  /** Returns the header of a virtual network. */
  public static byte[] of(int vni) {
    byte[] header = new byte[BYTES];
    header[0] = VALID;
    PacketHeader.put32(header, 4, (long) vni << 8);
    return header;
  }
}
