package dev.portcullis.io.port;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.portcullis.core.wire.PacketHeader;
import java.lang.foreign.MemorySegment;

/** The header of an Ethernet frame, and MAC addresses as numbers of 48 bits. Any thread. */
final class EthernetHeader {

  /** Bytes of the header. */
  static final int BYTES = 14;

  /** Where the sender's address is. */
  static final int SOURCE_AT = 6;

  /** Where the type of what follows is. */
  static final int TYPE_AT = 12;

  static final int IPV4 = 0x0800, IPV6 = 0x86dd;

  private EthernetHeader() {}

  /** Writes the header of a packet whose first byte is given. */
  static void put(MemorySegment to, long at, long toMac, long fromMac, byte firstByte) {
    putMac(to, at, toMac);
    putMac(to, at + SOURCE_AT, fromMac);
    int type = (firstByte >>> 4 & 0xf) == 4 ? IPV4 : IPV6;
    to.set(JAVA_BYTE, at + TYPE_AT, (byte) (type >>> 8));
    to.set(JAVA_BYTE, at + TYPE_AT + 1, (byte) type);
  }

  private static void putMac(MemorySegment to, long at, long mac) {
    for (int i = 0; i < 6; i++) {
      to.set(JAVA_BYTE, at + i, (byte) (mac >>> 40 - 8 * i));
    }
  }

  /** Reads a MAC address. */
  static long mac(byte[] bytes, int at) {
    return (long) PacketHeader.u16(bytes, at) << 32 | PacketHeader.u32(bytes, at + 2);
  }

  /** Reads a MAC address. */
  static long mac(MemorySegment from, long at) {
    long mac = 0;
    for (int i = 0; i < 6; i++) {
      mac = mac << 8 | from.get(JAVA_BYTE, at + i) & 0xff;
    }
    return mac;
  }

  /** Reads a MAC address of a checked configuration. */
  static long mac(String text) {
    long mac = 0;
    for (String octet : text.split(":")) {
      mac = mac << 8 | Integer.parseInt(octet, 16);
    }
    return mac;
  }

  /** Whether a MAC address is that of a group (IEEE 802 section 8.2). */
  static boolean isGroup(long mac) {
    return (mac >>> 40 & 1) != 0;
  }
}
