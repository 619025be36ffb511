package dev.portcullis.io.system;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/**
 * A network device of the namespace that this process lives in: {@code netdevice(7)}. Setting up
 * only, never per packet. Thread: one.
 */
public final class NetworkDevice {

  /** The longest name: {@code IFNAMSIZ} less the zero. */
  public static final int MAX_NAME = 15;

  /** Bytes of a {@code struct ifreq}. */
  public static final int REQUEST_BYTES = 40;

  private static final int AF_INET = 2;
  private static final int SOCK_DGRAM = 2;
  private static final int VALUE_AT = 16;
  private static final int MAC_AT = 18;
  private static final int IFF_UP = 1;

  private static final long SIOCGIFFLAGS = 0x8913L,
      SIOCSIFFLAGS = 0x8914L,
      SIOCGIFMTU = 0x8921L,
      SIOCSIFMTU = 0x8922L,
      SIOCGIFHWADDR = 0x8927L,
      SIOCGIFINDEX = 0x8933L;

  private final SystemCalls calls = new SystemCalls();
  private final String port;
  private final String name;

  /**
   * Speaks of a device.
   *
   * @param port name of the port that errors begin with
   * @param name name of the device
   */
  public NetworkDevice(String port, String name) {
    this.port = port;
    this.name = name;
  }

  /** Returns a {@code struct ifreq} with the name of a device and nothing else. */
  public static MemorySegment request(Arena arena, String name) {
    MemorySegment request = arena.allocate(REQUEST_BYTES, 8);
    byte[] text = name.getBytes(StandardCharsets.UTF_8);
    MemorySegment.copy(text, 0, request, JAVA_BYTE, 0, Math.min(text.length, MAX_NAME));
    return request;
  }

  /** Name of the device. */
  public String name() {
    return name;
  }

  /**
   * Number of the device.
   *
   * @throws SystemException where there is none of that name
   */
  public int index() {
    return number(SIOCGIFINDEX, 0, "does not exist");
  }

  /** Longest IP packet that it takes. */
  public int mtu() {
    return number(SIOCGIFMTU, 0, "has no MTU");
  }

  /** Sets the longest IP packet that it takes. */
  public void mtu(int bytes) {
    number(SIOCSIFMTU, bytes, "does not take an MTU of " + bytes);
  }

  /** Address of its link layer, in the lower 48 bits. */
  public long mac() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment request = request(arena, name);
      ask(SIOCGIFHWADDR, request, "has no MAC address");
      long mac = 0;
      for (int i = 0; i < 6; i++) {
        mac = mac << 8 | request.get(JAVA_BYTE, MAC_AT + i) & 0xff;
      }
      return mac;
    }
  }

  /** Type of its link layer, {@code if_arp.h}: 1 for Ethernet. */
  public int linkType() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment request = request(arena, name);
      ask(SIOCGIFHWADDR, request, "has no link layer");
      return request.get(JAVA_SHORT, VALUE_AT);
    }
  }

  /** Switches it on. */
  public void up() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment request = request(arena, name);
      ask(SIOCGIFFLAGS, request, "does not exist");
      short flags = request.get(JAVA_SHORT, VALUE_AT);
      if ((flags & IFF_UP) == 0) {
        request.set(JAVA_SHORT, VALUE_AT, (short) (flags | IFF_UP));
        ask(SIOCSIFFLAGS, request, "cannot be switched on");
      }
    }
  }

  private int number(long what, int value, String otherwise) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment request = request(arena, name);
      request.set(JAVA_INT, VALUE_AT, value);
      ask(what, request, otherwise);
      return request.get(JAVA_INT, VALUE_AT);
    }
  }

  private void ask(long what, MemorySegment request, String otherwise) {
    int socket = calls.socket(AF_INET, SOCK_DGRAM | SystemCalls.O_CLOEXEC, 0);
    int result = socket < 0 ? socket : calls.ioctl(socket, what, request);
    if (socket >= 0) {
      calls.close(socket);
    }
    if (result < 0) {
      boolean refused = result == -SystemCalls.EPERM;
      throw new SystemException(
          "port "
              + port
              + ": the device "
              + name
              + " "
              + otherwise
              + ": "
              + SystemCalls.describe(result)
              + (refused ? "; it takes the capability CAP_NET_ADMIN." : "."));
    }
  }
}
