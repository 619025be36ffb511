package dev.portcullis.io.system;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/**
 * The system calls that ports are made of, as the kernel has them: each returns its result, or the
 * negative error number. A call that a signal interrupted is made again. Nothing here allocates.
 *
 * <p>Layouts are those of 64-bit Linux. Thread: one object a thread, as it has room for one error
 * number.
 */
public final class SystemCalls {

  /** Error numbers, {@code errno-base.h} and {@code errno.h}. */
  public static final int EPERM = 1,
      ENOENT = 2,
      EINTR = 4,
      EIO = 5,
      ENXIO = 6,
      EAGAIN = 11,
      EACCES = 13,
      EBUSY = 16,
      EEXIST = 17,
      ENODEV = 19,
      EINVAL = 22,
      EBADFD = 77,
      EMSGSIZE = 90,
      EADDRINUSE = 98,
      EADDRNOTAVAIL = 99,
      ENETDOWN = 100,
      ENOBUFS = 105;

  /** Flags of {@code open} and of {@code eventfd}. */
  public static final int O_RDWR = 2, O_NONBLOCK = 0x800, O_CLOEXEC = 0x80000;

  /** Protection and flags of {@code mmap}. */
  public static final int PROT_READ = 1, PROT_WRITE = 2, MAP_SHARED = 1;

  /** {@code poll}: input is there. */
  public static final int POLLIN = 1;

  /** {@code sendmmsg}, {@code recv}: do not wait. */
  public static final int MSG_DONTWAIT = 0x40;

  /** Number of {@code bpf(2)}, which the C library has no name for. */
  private static final long BPF_CALL = System.getProperty("os.arch").equals("aarch64") ? 280 : 321;

  private static final Linker LINKER = Linker.nativeLinker();
  private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");
  private static final VarHandle ERRNO_OF =
      Linker.Option.captureStateLayout().varHandle(MemoryLayout.PathElement.groupElement("errno"));

  private static final MethodHandle OPEN =
      variadic("open", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT), 2);
  private static final MethodHandle IOCTL =
      variadic("ioctl", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS), 2);
  private static final MethodHandle IOCTL_NUMBER =
      variadic("ioctl", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG), 2);
  private static final MethodHandle CLOSE =
      call("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
  private static final MethodHandle READ =
      call("read", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));
  private static final MethodHandle WRITE =
      call("write", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));
  private static final MethodHandle POLL =
      call("poll", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
  private static final MethodHandle EVENTFD =
      call("eventfd", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle SOCKET =
      call("socket", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle BIND =
      call("bind", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle CONNECT =
      call("connect", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle SETSOCKOPT =
      call(
          "setsockopt",
          FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle GETSOCKOPT =
      call(
          "getsockopt",
          FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));
  private static final MethodHandle RECV =
      call("recv", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
  private static final MethodHandle SEND =
      call("send", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
  private static final MethodHandle SENDMMSG =
      call("sendmmsg", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));
  private static final MethodHandle RECVMMSG =
      call(
          "recvmmsg",
          FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS));
  private static final MethodHandle MMAP =
      call(
          "mmap",
          FunctionDescriptor.of(
              JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
  private static final MethodHandle MUNMAP =
      call("munmap", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
  private static final MethodHandle SYSCALL =
      variadic(
          "syscall", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT), 1);
  private static final MethodHandle STRERROR =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("strerror"),
          FunctionDescriptor.of(
              ADDRESS.withTargetLayout(MemoryLayout.sequenceLayout(256, ValueLayout.JAVA_BYTE)),
              JAVA_INT));

  private final MemorySegment state = Arena.ofAuto().allocate(Linker.Option.captureStateLayout());

  private static MethodHandle call(String name, FunctionDescriptor descriptor) {
    return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), descriptor, ERRNO);
  }

  private static MethodHandle variadic(String name, FunctionDescriptor descriptor, int fixed) {
    return LINKER.downcallHandle(
        LINKER.defaultLookup().findOrThrow(name),
        descriptor,
        ERRNO,
        Linker.Option.firstVariadicArg(fixed));
  }

  /** What the system calls an error. */
  public static String describe(int error) {
    try {
      return ((MemorySegment) STRERROR.invokeExact(Math.abs(error))).getString(0);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** {@code open(2)}; {@code path} ends with a zero. */
  public int open(MemorySegment path, int flags) {
    try {
      return result((int) OPEN.invokeExact(state, path, flags, 0));
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** {@code close(2)}. */
  public int close(int fd) {
    try {
      return result((int) CLOSE.invokeExact(state, fd));
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** {@code ioctl(2)} with a structure. */
  public int ioctl(int fd, long request, MemorySegment argument) {
    try {
      return result((int) IOCTL.invokeExact(state, fd, request, argument));
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** {@code ioctl(2)} with a number. */
  public int ioctl(int fd, long request, long argument) {
    try {
      return result((int) IOCTL_NUMBER.invokeExact(state, fd, request, argument));
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** {@code read(2)}: bytes read. */
  public int read(int fd, MemorySegment into, long length) {
    try {
      long result;
      do {
        result = result((long) READ.invokeExact(state, fd, into, length));
      } while (result == -EINTR);
      return (int) result;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** {@code write(2)}: bytes written. */
  public int write(int fd, MemorySegment from, long length) {
    try {
      long result;
      do {
        result = result((long) WRITE.invokeExact(state, fd, from, length));
      } while (result == -EINTR);
      return (int) result;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** {@code poll(2)}; returns early, with {@code -EINTR}, when a signal comes. */
  public int poll(MemorySegment descriptors, int count, int timeoutMs) {
    try {
      return result((int) POLL.invokeExact(state, descriptors, (long) count, timeoutMs));
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** {@code eventfd(2)}: a descriptor that wakes a thread which polls it. */
  public int eventfd() {
    try {
      return result((int) EVENTFD.invokeExact(state, 0, O_NONBLOCK | O_CLOEXEC));
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** {@code socket(2)}. */
  public int socket(int family, int type, int protocol) {
    try {
      return result((int) SOCKET.invokeExact(state, family, type, protocol));
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** {@code bind(2)}. */
  public int bind(int fd, MemorySegment address) {
    try {
      return result((int) BIND.invokeExact(state, fd, address, (int) address.byteSize()));
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** {@code connect(2)}. */
  public int connect(int fd, MemorySegment address) {
    try {
      return result((int) CONNECT.invokeExact(state, fd, address, (int) address.byteSize()));
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** {@code setsockopt(2)}. */
  public int setsockopt(int fd, int level, int option, MemorySegment value) {
    try {
      return result(
          (int) SETSOCKOPT.invokeExact(state, fd, level, option, value, (int) value.byteSize()));
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** {@code getsockopt(2)}; {@code length} holds an int, how long {@code value} is. */
  public int getsockopt(int fd, int level, int option, MemorySegment value, MemorySegment length) {
    try {
      return result((int) GETSOCKOPT.invokeExact(state, fd, level, option, value, length));
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** {@code recv(2)}: bytes received. */
  public int recv(int fd, MemorySegment into, long length, int flags) {
    try {
      long result;
      do {
        result = result((long) RECV.invokeExact(state, fd, into, length, flags));
      } while (result == -EINTR);
      return (int) result;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** {@code send(2)}: bytes sent. */
  public int send(int fd, MemorySegment from, long length, int flags) {
    try {
      long result;
      do {
        result = result((long) SEND.invokeExact(state, fd, from, length, flags));
      } while (result == -EINTR);
      return (int) result;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** {@code sendmmsg(2)}: messages sent; an error only where the first could not be. */
  public int sendmmsg(int fd, MemorySegment messages, int count, int flags) {
    try {
      int result;
      do {
        result = result((int) SENDMMSG.invokeExact(state, fd, messages, count, flags));
      } while (result == -EINTR);
      return result;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** {@code recvmmsg(2)} without a time limit: messages received. */
  public int recvmmsg(int fd, MemorySegment messages, int count, int flags) {
    try {
      int result;
      do {
        result =
            result(
                (int) RECVMMSG.invokeExact(state, fd, messages, count, flags, MemorySegment.NULL));
      } while (result == -EINTR);
      return result;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** {@code mmap(2)} of a file from {@code offset} on: the address. */
  public long mmap(long length, int protection, int flags, int fd, long offset) {
    try {
      return result((long) MMAP.invokeExact(state, 0L, length, protection, flags, fd, offset));
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** {@code munmap(2)}. */
  public int munmap(long address, long length) {
    try {
      return result((int) MUNMAP.invokeExact(state, address, length));
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * {@code bpf(2)}: a descriptor, or 0.
   *
   * @param attributes of the command; what the kernel knows beyond is 0
   */
  public int bpf(int command, MemorySegment attributes) {
    try {
      return (int)
          result(
              (long)
                  SYSCALL.invokeExact(
                      state, BPF_CALL, command, attributes, (int) attributes.byteSize()));
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private int result(int result) {
    return result == -1 ? -(int) ERRNO_OF.get(state, 0L) : result;
  }

  private long result(long result) {
    return result == -1 ? -(int) ERRNO_OF.get(state, 0L) : result;
  }
}
