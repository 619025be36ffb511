package dev.portcullis.io.port;

import dev.portcullis.io.system.SystemException;
import java.lang.foreign.Arena;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;

/**
 * The way past the kernel's stack: frames to the port's own address come in, and all of its frames
 * go out, by AF_XDP sockets. Thread: that which opens the port, and closes it.
 */
final class XdpPath {

  private final List<XdpSocket> sockets;
  private final XdpProgram program;

  private XdpPath(List<XdpSocket> sockets, XdpProgram program) {
    this.sockets = sockets;
    this.program = program;
  }

  /**
   * Opens a socket for each receive queue and sends frames there.
   *
   * @param port name of the port that errors begin with
   * @param device name of the device, and its number
   * @param mtu longest IP packet of the device
   * @param mac address of the port
   * @param queues receive queues, from 0 on; what comes in by others goes the usual way
   * @param arena that of the port
   * @throws SystemException in one sentence; nothing is left open then
   */
  static XdpPath open(
      String port, String device, int index, int mtu, long mac, int queues, Arena arena) {
    if (mtu > XdpSocket.longestMtu()) {
      throw new SystemException(
          "port "
              + port
              + ": the device "
              + device
              + " takes "
              + mtu
              + " bytes; allowed with packet.xdp is up to "
              + XdpSocket.longestMtu()
              + ".");
    }
    List<XdpSocket> sockets = new ArrayList<>();
    try {
      for (int queue = 0; queue < queues; queue++) {
        sockets.add(new XdpSocket(port, device, index, queue, mtu, arena));
      }
      return new XdpPath(sockets, XdpProgram.attach(port, device, index, mac, sockets));
    } catch (SystemException e) {
      sockets.forEach(XdpSocket::close);
      throw e;
    }
  }

  /** Returns where frames come from, by queue. */
  List<XdpSource> sources(int tag, Clock clock, Arena arena) {
    return sockets.stream().map(it -> new XdpSource(tag, it, clock, arena)).toList();
  }

  XdpSender sender(int tag) {
    return new XdpSender(tag, sockets.getFirst());
  }

  /** From now on nothing comes in this way. */
  void detach() {
    program.close();
  }

  /** Closes the sockets; nobody reads them any more. */
  void close() {
    sockets.forEach(XdpSocket::close);
  }
}
