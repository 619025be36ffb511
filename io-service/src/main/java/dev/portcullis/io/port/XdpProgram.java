package dev.portcullis.io.port;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.portcullis.io.system.SystemCalls;
import dev.portcullis.io.system.SystemException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The XDP program of a port: hands untagged frames to the port's MAC address to its AF_XDP sockets,
 * by receive queue, and leaves all others to the kernel; a queue without a socket, too. Written by
 * hand ({@code bpf(2)}, {@code linux/bpf.h}), attached by a link that ends with this process.
 *
 * <p>Thread: one.
 */
final class XdpProgram implements AutoCloseable {

  /** Commands of {@code bpf(2)}. */
  private static final int MAP_CREATE = 0, MAP_UPDATE = 2, PROG_LOAD = 5, LINK_CREATE = 28;

  private static final int TYPE_XSKMAP = 17, TYPE_XDP = 6, ATTACH_XDP = 37;
  private static final int XDP_PASS = 2, REDIRECT_MAP = 51;
  private static final int ATTRIBUTE_BYTES = 128;

  /** VLAN tags as a little-endian load sees them: 802.1Q and 802.1ad. */
  private static final int TAG = 0x0081, SERVICE_TAG = 0xa888;

  private final SystemCalls calls = new SystemCalls();
  private final String port;
  private final String device;
  private final int[] descriptors = {-1, -1, -1};

  private XdpProgram(String port, String device) {
    this.port = port;
    this.device = device;
  }

  /**
   * Attaches the program; frames go to the sockets from now on.
   *
   * @param port name of the port that errors begin with
   * @param device name of the device, and its number
   * @param mac address of the port
   * @param sockets by receive queue
   * @throws SystemException in one sentence; nothing is left open then
   */
  static XdpProgram attach(
      String port, String device, int index, long mac, List<XdpSocket> sockets) {
    XdpProgram made = new XdpProgram(port, device);
    try (Arena arena = Arena.ofConfined()) {
      int map = made.map(arena, sockets);
      int program = made.load(arena, code(map, mac));
      made.link(arena, program, index);
      return made;
    } catch (SystemException e) {
      made.close();
      throw e;
    }
  }

  /** Frames go to the kernel again. */
  @Override
  public void close() {
    for (int i = descriptors.length - 1; i >= 0; i--) {
      if (descriptors[i] >= 0) {
        calls.close(descriptors[i]);
        descriptors[i] = -1;
      }
    }
  }

  private int map(Arena arena, List<XdpSocket> sockets) {
    MemorySegment create = arena.allocate(ATTRIBUTE_BYTES, 8);
    create.set(JAVA_INT, 0, TYPE_XSKMAP);
    create.set(JAVA_INT, 4, Integer.BYTES);
    create.set(JAVA_INT, 8, Integer.BYTES);
    create.set(JAVA_INT, 12, sockets.size());
    int map = made(0, calls.bpf(MAP_CREATE, create));
    for (int i = 0; i < sockets.size(); i++) {
      MemorySegment update = arena.allocate(ATTRIBUTE_BYTES, 8);
      update.set(JAVA_INT, 0, map);
      update.set(JAVA_LONG, 8, arena.allocateFrom(JAVA_INT, i).address());
      update.set(JAVA_LONG, 16, arena.allocateFrom(JAVA_INT, sockets.get(i).fd).address());
      check(calls.bpf(MAP_UPDATE, update));
    }
    return map;
  }

  private int load(Arena arena, long[] code) {
    MemorySegment load = arena.allocate(ATTRIBUTE_BYTES, 8);
    load.set(JAVA_INT, 0, TYPE_XDP);
    load.set(JAVA_INT, 4, code.length);
    load.set(JAVA_LONG, 8, arena.allocateFrom(JAVA_LONG, code).address());
    load.set(JAVA_LONG, 16, arena.allocateFrom("Apache-2.0", StandardCharsets.US_ASCII).address());
    load.set(JAVA_INT, 68, ATTACH_XDP);
    return made(1, calls.bpf(PROG_LOAD, load));
  }

  private void link(Arena arena, int program, int index) {
    MemorySegment link = arena.allocate(ATTRIBUTE_BYTES, 8);
    link.set(JAVA_INT, 0, program);
    link.set(JAVA_INT, 4, index);
    link.set(JAVA_INT, 8, ATTACH_XDP);
    made(2, calls.bpf(LINK_CREATE, link));
  }

  private static long[] code(int map, long mac) {
    int first = Integer.reverseBytes((int) (mac >>> 16));
    int rest = Short.toUnsignedInt(Short.reverseBytes((short) mac));
    return new long[] {
      instruction(0x61, 2, 1, 0, 0), // r2 = begin of the frame
      instruction(0x61, 3, 1, 4, 0), // r3 = its end
      instruction(0xbf, 4, 2, 0, 0),
      instruction(0x07, 4, 0, 0, EthernetHeader.BYTES),
      instruction(0x2d, 4, 3, 13, 0), // shorter than its header: to the kernel
      instruction(0x61, 5, 2, 0, 0), // 4 bytes of the receiver
      instruction(0x56, 5, 0, 11, first),
      instruction(0x69, 5, 2, 4, 0), // the other 2
      instruction(0x56, 5, 0, 9, rest),
      instruction(0x69, 5, 2, 12, 0), // EtherType
      instruction(0x16, 5, 0, 7, TAG),
      instruction(0x16, 5, 0, 6, SERVICE_TAG),
      instruction(0x61, 2, 1, 16, 0), // r2 = number of the receive queue
      instruction(0x18, 1, 1, 0, map), // r1 = the map, in two
      0,
      instruction(0xb7, 3, 0, 0, XDP_PASS), // where there is no socket
      instruction(0x85, 0, 0, 0, REDIRECT_MAP),
      instruction(0x95, 0, 0, 0, 0),
      instruction(0xb7, 0, 0, 0, XDP_PASS),
      instruction(0x95, 0, 0, 0, 0),
    };
  }

  /** {@code struct bpf_insn} of a little-endian machine as a number. */
  private static long instruction(int code, int to, int from, int offset, int value) {
    return code | (long) to << 8 | (long) from << 12 | (long) offset << 16 | (long) value << 32;
  }

  private int made(int which, int descriptor) {
    check(descriptor);
    descriptors[which] = descriptor;
    return descriptor;
  }

  private void check(int result) {
    if (result < 0) {
      throw new SystemException(
          "port "
              + port
              + ": the device "
              + device
              + " takes no XDP program: "
              + SystemCalls.describe(result)
              + hint(-result));
    }
  }

  private static String hint(int error) {
    return switch (error) {
      case SystemCalls.EPERM -> "; it takes the capabilities CAP_BPF and CAP_NET_ADMIN.";
      case SystemCalls.EBUSY, SystemCalls.EEXIST ->
          "; another program has it already, which must be taken off.";
      default -> "; packet.xdp: false does without.";
    };
  }
}
