package dev.portcullis.e2e;

import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Builds small captures for tests: IPv4 and IPv6 packets with right checksums, as LINKTYPE_RAW pcap
 * files.
 */
final class Captures {

  static final int SYN = 2;
  static final int ACK = 16;
  static final int FIN = 1;

  private final List<byte[]> packets = new ArrayList<>();
  private int startSecond = 1_700_000_000;

  /** Moves the capture in time: it begins so many seconds after those that are not moved. */
  Captures later(int seconds) {
    startSecond += seconds;
    return this;
  }

  /** Adds the first segment of a TCP connection. */
  Captures syn(String source, int sourcePort, String destination, int destinationPort) {
    return tcp(source, sourcePort, destination, destinationPort, SYN, 1000, 0);
  }

  /** Adds a TCP segment without payload that begins at 1000, and acknowledges 2000 if it does. */
  Captures tcp(String source, int sourcePort, String destination, int destinationPort, int flags) {
    int ack = (flags & ACK) != 0 ? 2000 : 0;
    return tcp(source, sourcePort, destination, destinationPort, flags, 1000, ack);
  }

  /** Adds a TCP segment without payload. */
  Captures tcp(
      String source,
      int sourcePort,
      String destination,
      int destinationPort,
      int flags,
      int seq,
      int ack) {
    return tcp(source, sourcePort, destination, destinationPort, flags, seq, ack, "");
  }

  /** Adds a TCP segment. */
  Captures tcp(
      String source,
      int sourcePort,
      String destination,
      int destinationPort,
      int flags,
      int seq,
      int ack,
      String text) {
    byte[] payload = text.getBytes(StandardCharsets.ISO_8859_1);
    byte[] segment = Arrays.copyOf(new byte[20], 20 + payload.length);
    System.arraycopy(payload, 0, segment, 20, payload.length);
    put16(segment, 0, sourcePort);
    put16(segment, 2, destinationPort);
    put32(segment, 4, seq);
    put32(segment, 8, ack);
    segment[12] = 0x50;
    segment[13] = (byte) flags;
    put16(segment, 14, 65535);
    return transport(source, destination, 6, segment, 16);
  }

  /** Adds a whole TCP conversation: handshake and close. */
  Captures tcpConversation(String client, int clientPort, String server, int serverPort) {
    return tcp(client, clientPort, server, serverPort, SYN, 1000, 0)
        .tcp(server, serverPort, client, clientPort, SYN | ACK, 2000, 1001)
        .tcp(client, clientPort, server, serverPort, ACK, 1001, 2001)
        .tcp(client, clientPort, server, serverPort, FIN | ACK, 1001, 2001)
        .tcp(server, serverPort, client, clientPort, FIN | ACK, 2001, 1002)
        .tcp(client, clientPort, server, serverPort, ACK, 1002, 2002);
  }

  /** Adds a TCP conversation of ten packets in which each side says something. */
  Captures tcpConversation(
      String client, int clientPort, String server, int serverPort, String request, String reply) {
    int asked = 1001 + request.length();
    int answered = 2001 + reply.length();
    return tcp(client, clientPort, server, serverPort, SYN, 1000, 0)
        .tcp(server, serverPort, client, clientPort, SYN | ACK, 2000, 1001)
        .tcp(client, clientPort, server, serverPort, ACK, 1001, 2001)
        .tcp(client, clientPort, server, serverPort, ACK, 1001, 2001, request)
        .tcp(server, serverPort, client, clientPort, ACK, 2001, asked)
        .tcp(server, serverPort, client, clientPort, ACK, 2001, asked, reply)
        .tcp(client, clientPort, server, serverPort, ACK, asked, answered)
        .tcp(client, clientPort, server, serverPort, FIN | ACK, asked, answered)
        .tcp(server, serverPort, client, clientPort, FIN | ACK, answered, asked + 1)
        .tcp(client, clientPort, server, serverPort, ACK, asked + 1, answered + 1);
  }

  /** Adds a UDP datagram. */
  Captures udp(
      String source, int sourcePort, String destination, int destinationPort, int payloadLength) {
    byte[] datagram = new byte[8 + payloadLength];
    put16(datagram, 0, sourcePort);
    put16(datagram, 2, destinationPort);
    put16(datagram, 4, datagram.length);
    for (int i = 0; i < payloadLength; i++) {
      datagram[8 + i] = (byte) i;
    }
    return transport(source, destination, 17, datagram, 6);
  }

  /** Adds an ICMP or ICMPv6 echo. */
  Captures echo(String source, String destination, boolean request, int identifier) {
    boolean v6 = source.indexOf(':') >= 0;
    byte[] message = new byte[16];
    message[0] = (byte) (v6 ? request ? 128 : 129 : request ? 8 : 0);
    put16(message, 4, identifier);
    put16(message, 6, 1);
    if (v6) {
      return transport(source, destination, 58, message, 2);
    }
    put16(message, 2, checksum(message, 0, message.length, 0));
    return ip(source, destination, 1, message);
  }

  /** Adds an ICMP error of a router that quotes an earlier packet, counted from 0. */
  Captures error(String router, int type, int code, int quoted) {
    byte[] quote = packets.get(quoted);
    byte[] message = new byte[8 + quote.length];
    message[0] = (byte) type;
    message[1] = (byte) code;
    System.arraycopy(quote, 0, message, 8, quote.length);
    put16(message, 2, checksum(message, 0, message.length, 0));
    String to =
        (quote[12] & 255)
            + "."
            + (quote[13] & 255)
            + "."
            + (quote[14] & 255)
            + "."
            + (quote[15] & 255);
    return ip(router, to, 1, message);
  }

  /** Gives the last packet, which is IPv4, another TTL. */
  Captures withTtl(int ttl) {
    byte[] packet = packets.getLast();
    packet[8] = (byte) ttl;
    put16(packet, 10, 0);
    put16(packet, 10, checksum(packet, 0, 20, 0));
    return this;
  }

  /** Returns a packet, counted from 0. */
  byte[] packet(int i) {
    return packets.get(i).clone();
  }

  private Captures transport(
      String source, String destination, int protocol, byte[] segment, int checksumAt) {
    byte[] from = address(source);
    byte[] to = address(destination);
    long pseudo = sum(from, 0, from.length) + sum(to, 0, to.length) + protocol + segment.length;
    int checksum = checksum(segment, 0, segment.length, pseudo);
    put16(segment, checksumAt, protocol == 17 && checksum == 0 ? 0xffff : checksum);
    return ip(source, destination, protocol, segment);
  }

  private Captures ip(String source, String destination, int protocol, byte[] payload) {
    byte[] from = address(source);
    byte[] to = address(destination);
    byte[] packet;
    if (from.length == 4) {
      packet = new byte[20 + payload.length];
      packet[0] = 0x45;
      put16(packet, 2, packet.length);
      put16(packet, 4, packets.size());
      packet[8] = 64;
      packet[9] = (byte) protocol;
      System.arraycopy(from, 0, packet, 12, 4);
      System.arraycopy(to, 0, packet, 16, 4);
      put16(packet, 10, checksum(packet, 0, 20, 0));
      System.arraycopy(payload, 0, packet, 20, payload.length);
    } else {
      packet = new byte[40 + payload.length];
      packet[0] = 0x60;
      put16(packet, 4, payload.length);
      packet[6] = (byte) protocol;
      packet[7] = 64;
      System.arraycopy(from, 0, packet, 8, 16);
      System.arraycopy(to, 0, packet, 24, 16);
      System.arraycopy(payload, 0, packet, 40, payload.length);
    }
    packets.add(packet);
    return this;
  }

  /**
   * Cuts the last packet, of IPv4, into fragments with {@code size} bytes behind the header, a
   * multiple of 8.
   */
  Captures fragmented(int size) {
    byte[] packet = packets.removeLast();
    int id = packets.size() + 1;
    for (int at = 20; at < packet.length; at += size) {
      int length = Math.min(size, packet.length - at);
      byte[] fragment = java.util.Arrays.copyOf(packet, 20 + length);
      System.arraycopy(packet, at, fragment, 20, length);
      put16(fragment, 2, fragment.length);
      put16(fragment, 4, id);
      put16(fragment, 6, (at + length < packet.length ? 0x2000 : 0) | at - 20 >>> 3);
      put16(fragment, 10, 0);
      put16(fragment, 10, checksum(fragment, 0, 20, 0));
      packets.add(fragment);
    }
    return this;
  }

  /** Takes the last packet out again. */
  Captures removeLast() {
    packets.removeLast();
    return this;
  }

  /** Number of packets so far. */
  int size() {
    return packets.size();
  }

  /** Writes the packets, a millisecond apart. */
  Path write(Path file) {
    try (DataOutputStream out =
        new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file)))) {
      out.writeInt(0xa1b2c3d4);
      out.writeShort(2);
      out.writeShort(4);
      out.writeLong(0);
      out.writeInt(65535);
      out.writeInt(101);
      for (int i = 0; i < packets.size(); i++) {
        out.writeInt(startSecond + i / 1000);
        out.writeInt(i % 1000 * 1000);
        out.writeInt(packets.get(i).length);
        out.writeInt(packets.get(i).length);
        out.write(packets.get(i));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return file;
  }

  static byte[] address(String text) {
    try {
      return InetAddress.ofLiteral(text).getAddress();
    } catch (IllegalArgumentException e) {
      throw new AssertionError(text, e);
    }
  }

  private static long sum(byte[] bytes, int from, int to) {
    long sum = 0;
    for (int i = from; i < to; i += 2) {
      sum += (bytes[i] & 0xff) << 8 | (i + 1 < to ? bytes[i + 1] & 0xff : 0);
    }
    return sum;
  }

  private static int checksum(byte[] bytes, int from, int to, long initial) {
    long sum = initial + sum(bytes, from, to);
    while (sum >>> 16 != 0) {
      sum = (sum & 0xffff) + (sum >>> 16);
    }
    return (int) ~sum & 0xffff;
  }

  private static void put16(byte[] bytes, int at, int value) {
    bytes[at] = (byte) (value >>> 8);
    bytes[at + 1] = (byte) value;
  }

  private static void put32(byte[] bytes, int at, int value) {
    put16(bytes, at, value >>> 16);
    put16(bytes, at + 2, value);
  }
}
