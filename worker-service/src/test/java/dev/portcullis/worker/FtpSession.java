package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A TCP connection through a network: two ends that know of each other only what arrives. Each
 * counts sequence numbers by what it has received, as its own, and checks that no number is missing
 * and no checksum is wrong.
 */
final class FtpSession {

  /** One end, with the addresses and numbers that it knows. */
  static final class End {
    final String networkPort;
    final String address;
    int port;
    String peer = "";
    int peerPort;
    long next;
    long expected;

    End(String networkPort, String address, int port, long next) {
      this.networkPort = networkPort;
      this.address = address;
      this.port = port;
      this.next = next;
    }
  }

  private final Network network;
  final End client;
  final End server;

  /** Why the last packet was dropped, {@link DropReason#NONE}: it was not. */
  DropReason verdict = DropReason.NONE;

  /** The last packet as it was sent. */
  byte[] sent = {};

  /** The last packet as it arrived. */
  byte[] arrived = {};

  /**
   * Prepares a connection from the client, which knows the server by an address and a port.
   *
   * @param client where it is, and its address
   * @param server where it is, and its own address and port
   */
  FtpSession(Network network, End client, End server, String shown, int shownPort) {
    this.network = network;
    this.client = client;
    this.server = server;
    client.peer = shown;
    client.peerPort = shownPort;
  }

  /** A connection between addresses that nothing translates. */
  static FtpSession of(
      Network network, String client, int clientPort, String server, int serverPort) {
    return new FtpSession(
        network,
        new End("lan", client, clientPort, 1_000_000),
        new End("wan", server, serverPort, 4_294_967_000L),
        server,
        serverPort);
  }

  /** Three-way handshake; false when the SYN was dropped. */
  boolean open() {
    if (!send(client, PacketHeader.SYN, "")) {
      return false;
    }
    send(server, PacketHeader.SYN | PacketHeader.ACK, "");
    return send(client, PacketHeader.ACK, "");
  }

  /** The client sends text; returns what the server reads. */
  String fromClient(String text) {
    return said(client, text);
  }

  /** The server sends text; returns what the client reads. */
  String fromServer(String text) {
    return said(server, text);
  }

  private String said(End from, String text) {
    send(from, PacketHeader.ACK | PacketHeader.PSH, text);
    assertEquals(DropReason.NONE, verdict, text);
    String read = text(arrived);
    send(from == client ? server : client, PacketHeader.ACK, "");
    assertEquals(DropReason.NONE, verdict, "the acknowledgement of " + text);
    return read;
  }

  /** Sends a segment; false when it was dropped. */
  boolean send(End from, int flags, String text) {
    sent = segment(from, flags, from.next, text);
    from.next += text.length();
    if ((flags & (PacketHeader.SYN | PacketHeader.FIN)) != 0) {
      from.next++;
    }
    return again(from, sent);
  }

  /** Sends a packet as it is. */
  boolean again(End from, byte[] packet) {
    verdict = network.in(from.networkPort, packet.clone()).why();
    if (verdict != DropReason.NONE) {
      return false;
    }
    arrived = network.left();
    arrives(from == client ? server : client);
    return true;
  }

  byte[] segment(End from, int flags, long sequence, String text) {
    byte[] payload = text.getBytes(StandardCharsets.ISO_8859_1);
    ByteBuffer b = ByteBuffer.allocate(20 + payload.length);
    b.putShort((short) from.port)
        .putShort((short) from.peerPort)
        .putInt((int) sequence)
        .putInt((flags & PacketHeader.ACK) == 0 ? 0 : (int) from.expected)
        .put((byte) 0x50)
        .put((byte) flags)
        .putShort((short) 8000)
        .putInt(0)
        .put(payload);
    return Packets.packet(from.address, from.peer, PacketHeader.TCP, b.array());
  }

  private void arrives(End at) {
    assertArrayEquals(Packets.withChecksums(arrived.clone()), arrived, "a checksum is wrong");
    PacketHeader h = header(arrived);
    assertEquals(at.address, address(h.version, h.destinationHigh, h.destinationLow));
    if (at.port != 0) {
      assertEquals(at.port, h.destinationPort);
    }
    at.peer = address(h.version, h.sourceHigh, h.sourceLow);
    at.peerPort = h.sourcePort;
    long sequence = PacketHeader.u32(arrived, h.transportOffset + 4);
    int length = text(arrived).length();
    boolean syn = (h.tcpFlags & PacketHeader.SYN) != 0;
    if (!syn && at.expected != (sequence + length & 0xffff_ffffL)) {
      assertEquals(at.expected & 0xffff_ffffL, sequence, "a number is missing");
    }
    at.expected = sequence + length + (syn || (h.tcpFlags & PacketHeader.FIN) != 0 ? 1 : 0);
    if ((h.tcpFlags & PacketHeader.ACK) != 0 && !syn) {
      long acknowledged = PacketHeader.u32(arrived, h.transportOffset + 8);
      assertEquals(at.next & 0xffff_ffffL, acknowledged, "not all of it is acknowledged");
    }
  }

  static PacketHeader header(byte[] packet) {
    PacketHeader h = new PacketHeader();
    h.parse(packet, 0, packet.length);
    return h;
  }

  static String address(int version, long high, long low) {
    return new IpAddress(version, high, low).toString();
  }

  /** The payload. */
  static String text(byte[] packet) {
    PacketHeader h = header(packet);
    int start = h.transportOffset + (packet[h.transportOffset + 12] >>> 4 & 0xf) * 4;
    return new String(Arrays.copyOfRange(packet, start, h.end), StandardCharsets.ISO_8859_1);
  }
}
