package dev.portcullis.io.port;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.io.neighbour.AgingTable;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * An address and a UDP port as system calls have them: {@code struct sockaddr_in} ({@code ip(7)})
 * or {@code struct sockaddr_in6} ({@code ipv6(7)}). As numbers, an IPv4 address has {@link
 * AgingTable#V4} as its upper half. Any thread.
 */
final class UdpAddress {

  static final int AF_INET = 2, AF_INET6 = 10;

  /** Room for either. */
  static final int MAX_BYTES = 32;

  private static final int V4_BYTES = 16, V6_BYTES = 28;
  private static final int PORT_AT = 2, V4_AT = 4, V6_AT = 8;
  private static final ValueLayout.OfShort PORT = JAVA_SHORT.withOrder(ByteOrder.BIG_ENDIAN);
  private static final ValueLayout.OfInt V4 = JAVA_INT.withOrder(ByteOrder.BIG_ENDIAN);
  private static final ValueLayout.OfLong V6 = JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

  private UdpAddress() {}

  static int family(IpAddress address) {
    return address.version() == 4 ? AF_INET : AF_INET6;
  }

  /** Upper half of an address as a number. */
  static long high(IpAddress address) {
    return address.version() == 4 ? AgingTable.V4 : address.high();
  }

  /** Bytes of an address with this upper half. */
  static int bytes(long high) {
    return high == AgingTable.V4 ? V4_BYTES : V6_BYTES;
  }

  /** Writes an address; the segment is all zeros, or had another of the same family. */
  static void put(MemorySegment to, long at, long high, long low, int port) {
    boolean v4 = high == AgingTable.V4;
    to.set(JAVA_SHORT, at, (short) (v4 ? AF_INET : AF_INET6));
    to.set(PORT, at + PORT_AT, (short) port);
    if (v4) {
      to.set(V4, at + V4_AT, (int) low);
    } else {
      to.set(V6, at + V6_AT, high);
      to.set(V6, at + V6_AT + 8, low);
    }
  }

  static int port(MemorySegment from, long at) {
    return from.get(PORT, at + PORT_AT) & 0xffff;
  }

  static long high(MemorySegment from, long at) {
    return from.get(JAVA_SHORT, at) == AF_INET ? AgingTable.V4 : from.get(V6, at + V6_AT);
  }

  static long low(MemorySegment from, long at) {
    return from.get(JAVA_SHORT, at) == AF_INET
        ? from.get(V4, at + V4_AT) & 0xffff_ffffL
        : from.get(V6, at + V6_AT + 8);
  }
}
