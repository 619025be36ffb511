package dev.portcullis.io.port;

import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.portcullis.core.policy.GatewaySpec.PortSpec;
import dev.portcullis.core.policy.GatewaySpec.TunSpec;
import dev.portcullis.core.wire.Prefix;
import dev.portcullis.io.system.Netlink;
import dev.portcullis.io.system.NetworkDevice;
import dev.portcullis.io.system.SystemCalls;
import dev.portcullis.io.system.SystemException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * A TUN device as it is opened: made where it is not there, given MTU, addresses and routes,
 * switched on. {@code Documentation/networking/tuntap.rst}, {@code linux/if_tun.h}.
 */
final class TunDevice {

  private static final String CONTROL = "/dev/net/tun";
  private static final long TUNSETIFF = 0x400454caL, TUNSETOFFLOAD = 0x400454d0L;
  private static final int FLAGS_AT = 16;
  private static final int IFF_TUN = 1,
      IFF_MULTI_QUEUE = 0x100,
      IFF_NO_PI = 0x1000,
      IFF_VNET_HDR = 0x4000;

  /** TUN_F_CSUM, TSO4, TSO6, TSO_ECN. */
  private static final long TCP_OFFLOADS = 1 | 2 | 4 | 8;

  /** TUN_F_USO4, USO6: Linux 6.2 and later. */
  private static final long UDP_OFFLOADS = 0x20 | 0x40;

  private TunDevice() {}

  /**
   * Opens the device of a port.
   *
   * @return a descriptor per queue, not blocking
   * @throws SystemException in one sentence, when the device or a privilege is missing; nothing is
   *     left open then
   */
  static int[] open(PortSpec port) {
    TunSpec tun = Objects.requireNonNull(port.tun());
    SystemCalls calls = new SystemCalls();
    int[] queues = new int[tun.queues()];
    int opened = 0;
    try (Arena arena = Arena.ofConfined()) {
      for (; opened < queues.length; opened++) {
        queues[opened] = queue(calls, arena, port.name(), tun);
      }
      NetworkDevice device = new NetworkDevice(port.name(), tun.device());
      Netlink netlink = new Netlink(port.name(), device);
      device.mtu(port.mtu());
      tun.addresses().forEach(it -> netlink.address(prefix(it)));
      device.up();
      tun.routes().forEach(it -> netlink.route(prefix(it)));
      return queues;
    } catch (SystemException e) {
      for (int i = 0; i < opened; i++) {
        calls.close(queues[i]);
      }
      throw e;
    }
  }

  private static Prefix prefix(String text) {
    return Objects.requireNonNull(Prefix.parse(text), text);
  }

  private static int queue(SystemCalls calls, Arena arena, String port, TunSpec tun) {
    int fd =
        calls.open(
            arena.allocateFrom(CONTROL),
            SystemCalls.O_RDWR | SystemCalls.O_NONBLOCK | SystemCalls.O_CLOEXEC);
    if (fd < 0) {
      throw new SystemException(
          "port " + port + ": " + CONTROL + " cannot be opened: " + hintOfControl(-fd));
    }
    MemorySegment request = NetworkDevice.request(arena, tun.device());
    int flags = IFF_TUN | IFF_NO_PI;
    flags |= tun.offload() ? IFF_VNET_HDR : 0;
    flags |= tun.queues() > 1 ? IFF_MULTI_QUEUE : 0;
    request.set(JAVA_SHORT, FLAGS_AT, (short) flags);
    int result = calls.ioctl(fd, TUNSETIFF, request);
    if (result < 0) {
      calls.close(fd);
      throw new SystemException(
          "port "
              + port
              + ": the device "
              + tun.device()
              + " cannot be made or opened: "
              + hintOfDevice(-result));
    }
    if (tun.offload()) {
      int taken = calls.ioctl(fd, TUNSETOFFLOAD, TCP_OFFLOADS | UDP_OFFLOADS);
      if (taken < 0) {
        calls.ioctl(fd, TUNSETOFFLOAD, TCP_OFFLOADS);
      }
    }
    return fd;
  }

  private static String hintOfControl(int error) {
    String why = SystemCalls.describe(error);
    return switch (error) {
      case SystemCalls.ENOENT, SystemCalls.ENODEV, SystemCalls.ENXIO ->
          why + "; it takes the kernel module tun, and in a container the device " + CONTROL + ".";
      case SystemCalls.EACCES, SystemCalls.EPERM ->
          why + "; it takes the right to read and write that file.";
      default -> why + ".";
    };
  }

  private static String hintOfDevice(int error) {
    String why = SystemCalls.describe(error);
    return switch (error) {
      case SystemCalls.EPERM -> why + "; it takes the capability CAP_NET_ADMIN.";
      case SystemCalls.EBUSY -> why + "; another program has it open.";
      case SystemCalls.EINVAL ->
          why + "; there is a device of that name that is no TUN device, or has other queues.";
      default -> why + ".";
    };
  }
}
