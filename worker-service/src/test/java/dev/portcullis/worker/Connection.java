package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.wire.PacketHeader;
import java.util.ArrayList;
import java.util.List;

/** A connection from the office, with what it makes of the translated sender. */
final class Connection {

  static final String SERVER = "198.51.100.7";

  private static final int SYN = PacketHeader.SYN, ACK = PacketHeader.ACK;
  private static final int FIN = PacketHeader.FIN;

  final Network network;
  final String client;
  final int port;
  final int serverPort;
  final List<byte[]> left = new ArrayList<>();
  final List<String> traces = new ArrayList<>();
  long clientNext = 1000;
  long serverNext = 5000;
  int publicPort;
  DropReason last = DropReason.NONE;

  Connection(Network network, String client, int port, int serverPort) {
    this.network = network;
    this.client = client;
    this.port = port;
    this.serverPort = serverPort;
  }

  Connection open() {
    return request(SYN, "").reply(SYN | ACK, "").request(ACK, "");
  }

  Connection request(int flags, String payload) {
    byte[] packet =
        Packets.text(client, port, SERVER, serverPort, flags, clientNext, serverNext, payload);
    note(network.in("lan", packet));
    clientNext += payload.length() + ((flags & (SYN | FIN)) != 0 ? 1 : 0);
    if (last == DropReason.NONE) {
      PacketHeader h = new PacketHeader();
      byte[] out = network.left();
      h.parse(out, 0, out.length);
      if (publicPort != 0 && (flags & SYN) == 0) {
        assertEquals(publicPort, h.sourcePort, "the binding changed");
      }
      publicPort = h.sourcePort;
    }
    return this;
  }

  Connection reply(int flags, String payload) {
    byte[] packet =
        Packets.text(
            SERVER, serverPort, "203.0.113.10", publicPort, flags, serverNext, clientNext, payload);
    note(network.in("wan", packet));
    if (last == DropReason.NONE) {
      assertArrayEquals(
          Packets.oneHopOn(
              Packets.text(
                  SERVER, serverPort, client, port, flags, serverNext, clientNext, payload)),
          network.left());
    }
    serverNext += payload.length() + ((flags & (SYN | FIN)) != 0 ? 1 : 0);
    return this;
  }

  private void note(Network.Out outcome) {
    last = outcome.why();
    traces.add(outcome.trace());
    network.packetsOut().forEach(it -> left.add(it.data()));
  }

  Connection passes() {
    assertEquals(DropReason.NONE, last, traces.getLast());
    return this;
  }

  String trace() {
    return traces.getLast();
  }

  /** The worker that followed the last packet. */
  int worker() {
    return worker(trace());
  }

  static int worker(String trace) {
    var matcher = java.util.regex.Pattern.compile("w(\\d+) [^;]*stateful:").matcher(trace);
    assertTrue(matcher.find(), trace);
    return Integer.parseInt(matcher.group(1));
  }
}
