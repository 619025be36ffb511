package dev.portcullis.standalone.replay;

import dev.portcullis.core.event.FlowId;
import dev.portcullis.core.event.ProtocolName;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;

/** Headers of a packet for people: {@code TCP 10.1.2.3:40000 > 198.51.100.7:443}. Any thread. */
public final class PacketText {

  private static final String[] FLAGS = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"};

  private PacketText() {}

  /**
   * Returns what a packet is.
   *
   * @param frameLength bytes of its frame, for one whose addresses cannot be read
   */
  public static String of(PacketHeader h, int frameLength) {
    if (!h.hasAddresses) {
      return "no readable addresses, " + frameLength + " bytes";
    }
    StringBuilder text = new StringBuilder(tuple(h));
    text.append(", ").append(h.end - h.offset).append(" bytes");
    if (h.hasPorts && h.protocol == PacketHeader.TCP) {
      text.append(", flags ").append(flags(h.tcpFlags));
    }
    return text.append(", flow ").append(FlowId.of(h)).toString();
  }

  /** Returns the names of TCP flags. */
  public static String flags(int tcpFlags) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < FLAGS.length; i++) {
      if ((tcpFlags & 1 << i) != 0) {
        text.append(text.isEmpty() ? "" : " ").append(FLAGS[i]);
      }
    }
    return text.isEmpty() ? "none" : text.toString();
  }

  /** Returns protocol and both ends. */
  public static String tuple(PacketHeader h) {
    return ProtocolName.of(h.protocol) + " " + source(h) + " > " + receiver(h);
  }

  /** Returns the end that sent it. */
  public static String source(PacketHeader h) {
    return end(h, h.sourceHigh, h.sourceLow, h.sourcePort);
  }

  /** Returns the end that it is for. */
  public static String receiver(PacketHeader h) {
    return end(h, h.destinationHigh, h.destinationLow, h.destinationPort);
  }

  private static String end(PacketHeader h, long high, long low, int port) {
    String address = new IpAddress(h.version, high, low).toString();
    if (!h.hasPorts) {
      return address;
    }
    return h.isEcho()
        ? address + " id " + port
        : (h.version == 6 ? "[" + address + "]" : address) + ":" + port;
  }
}
