package dev.portcullis.io.system;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.Prefix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Gives a network device addresses and routes: {@code rtnetlink(7)}. Setting up only. Thread: one.
 */
public final class Netlink {

  private static final int AF_NETLINK = 16;
  private static final int SOCK_RAW = 3;
  private static final int AF_INET = 2;
  private static final int AF_INET6 = 10;
  private static final int RTM_NEWADDR = 20;
  private static final int RTM_NEWROUTE = 24;

  /** NLM_F_REQUEST, NLM_F_ACK, NLM_F_CREATE, NLM_F_REPLACE. */
  private static final int FLAGS = 1 | 4 | 0x400 | 0x100;

  private static final int HEADER_BYTES = 16;
  private static final int ANSWER_BYTES = 8192;
  private static final int RT_TABLE_MAIN = 254, RTPROT_STATIC = 4, RT_SCOPE_LINK = 253;
  private static final int RTN_UNICAST = 1;
  private static final int IFA_ADDRESS = 1, IFA_LOCAL = 2, RTA_DST = 1, RTA_OIF = 4;
  private static final int IFA_F_NODAD = 2;

  private final SystemCalls calls = new SystemCalls();
  private final String port;
  private final NetworkDevice device;

  /**
   * Sets a device up.
   *
   * @param port name of the port that errors begin with
   */
  public Netlink(String port, NetworkDevice device) {
    this.port = port;
    this.device = device;
  }

  /**
   * Gives the device an address, unless it has it.
   *
   * @throws SystemException when the kernel refuses
   */
  public void address(Prefix address) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment message = arena.allocate(256, 8);
      message.set(JAVA_BYTE, HEADER_BYTES, family(address));
      message.set(JAVA_BYTE, HEADER_BYTES + 1, (byte) address.length());
      message.set(JAVA_BYTE, HEADER_BYTES + 2, (byte) IFA_F_NODAD);
      message.set(JAVA_INT, HEADER_BYTES + 4, device.index());
      int at = attribute(message, HEADER_BYTES + 8, IFA_LOCAL, address.address());
      at = attribute(message, at, IFA_ADDRESS, address.address());
      send(message, at, RTM_NEWADDR, "the address " + address);
    }
  }

  /**
   * Sends a prefix to the device, unless it goes there already.
   *
   * @throws SystemException when the kernel refuses
   */
  public void route(Prefix to) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment message = arena.allocate(256, 8);
      message.set(JAVA_BYTE, HEADER_BYTES, family(to));
      message.set(JAVA_BYTE, HEADER_BYTES + 1, (byte) to.length());
      message.set(JAVA_BYTE, HEADER_BYTES + 4, (byte) RT_TABLE_MAIN);
      message.set(JAVA_BYTE, HEADER_BYTES + 5, (byte) RTPROT_STATIC);
      boolean four = to.address().version() == 4;
      message.set(JAVA_BYTE, HEADER_BYTES + 6, (byte) (four ? RT_SCOPE_LINK : 0));
      message.set(JAVA_BYTE, HEADER_BYTES + 7, (byte) RTN_UNICAST);
      int at = attribute(message, HEADER_BYTES + 12, RTA_DST, to.address());
      message.set(JAVA_SHORT, at, (short) 8);
      message.set(JAVA_SHORT, at + 2, (short) RTA_OIF);
      message.set(JAVA_INT, at + 4, device.index());
      send(message, at + 8, RTM_NEWROUTE, "the route to " + to);
    }
  }

  private static byte family(Prefix prefix) {
    return (byte) (prefix.address().version() == 4 ? AF_INET : AF_INET6);
  }

  private static int attribute(MemorySegment message, int at, int type, IpAddress address) {
    int length = address.bits() / 8;
    message.set(JAVA_SHORT, at, (short) (4 + length));
    message.set(JAVA_SHORT, at + 2, (short) type);
    for (int i = 0; i < length; i++) {
      int shift = 8 * (length - 1 - i);
      long half = shift >= 64 ? address.high() : address.low();
      message.set(JAVA_BYTE, at + 4 + i, (byte) (half >>> (shift & 63)));
    }
    return at + 4 + length;
  }

  private void send(MemorySegment message, int length, int type, String what) {
    message.set(JAVA_INT, 0, length);
    message.set(JAVA_SHORT, 4, (short) type);
    message.set(JAVA_SHORT, 6, (short) FLAGS);
    message.set(JAVA_INT, 8, 1);
    int result = exchange(message, length);
    if (result < 0 && result != -SystemCalls.EEXIST) {
      throw new SystemException(
          "port "
              + port
              + ": the device "
              + device.name()
              + " does not take "
              + what
              + ": "
              + SystemCalls.describe(result)
              + (result == -SystemCalls.EPERM ? "; it takes the capability CAP_NET_ADMIN." : "."));
    }
  }

  /** Returns 0 or the negative error number that the kernel answers with. */
  private int exchange(MemorySegment message, int length) {
    int socket = calls.socket(AF_NETLINK, SOCK_RAW | SystemCalls.O_CLOEXEC, 0);
    if (socket < 0) {
      return socket;
    }
    try (Arena arena = Arena.ofConfined()) {
      int sent = calls.send(socket, message, length, 0);
      if (sent < 0) {
        return sent;
      }
      MemorySegment answer = arena.allocate(ANSWER_BYTES, 8);
      int got = calls.recv(socket, answer, ANSWER_BYTES, 0);
      return got < 0 ? got : got < HEADER_BYTES + 4 ? -SystemCalls.EIO : answer.get(JAVA_INT, 16);
    } finally {
      calls.close(socket);
    }
  }
}
