package dev.portcullis.e2e;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Looks at packets before and after a gateway with SNAT and says what is wrong. It knows nothing of
 * the gateway: it reads headers, adds up checksums and keeps its own book of flows.
 *
 * <ul>
 *   <li>Only the translated side's address and port, TTL and checksums differ.
 *   <li>Every checksum is right after exactly if it was right before.
 *   <li>A flow keeps its translated tuple while it lives, and no two live flows have one.
 *   <li>A reply comes out as it was recorded, but for a hop of TTL.
 * </ul>
 *
 * Fragments, and ICMP other than echoes, are checked for their addresses alone.
 */
final class NatChecker {

  /** What a packet says, as far as NAT is concerned. */
  record Packet(
      boolean v6,
      int protocol,
      String source,
      String destination,
      boolean hasPorts,
      boolean echo,
      int sourcePort,
      int destinationPort,
      int tcpFlags,
      boolean fragment,
      int transportAt,
      int end,
      boolean cut) {

    String flow() {
      return (hasPorts ? protocol + " " : "")
          + source
          + " "
          + sourcePort
          + " > "
          + destination
          + (echo ? "" : " " + destinationPort);
    }

    String reversed() {
      return protocol
          + " "
          + destination
          + " "
          + destinationPort
          + " > "
          + source
          + (echo ? "" : " " + sourcePort);
    }
  }

  private record Binding(String tuple, long lastNs) {}

  private final Set<String> pools;
  private final Map<String, Binding> bindingOfFlow = new HashMap<>();
  private final Map<String, String> flowOfTuple = new HashMap<>();
  private final Map<String, Long> lastSeenNs = new HashMap<>();
  private final Set<String> tuples = new HashSet<>();
  private final List<String> faults = new ArrayList<>();
  private int requests;
  private int replies;
  private int kept;
  private int keepable;

  /** Makes a checker for a gateway that translates to these addresses. */
  NatChecker(Set<String> pools) {
    this.pools = pools;
  }

  /** Another capture begins: its time has nothing to do with that of the last. */
  void next() {
    lastSeenNs.clear();
  }

  List<String> faults() {
    return faults;
  }

  int requests() {
    return requests;
  }

  int replies() {
    return replies;
  }

  /** Share of requests whose port was kept. */
  double kept() {
    return keepable == 0 ? 0 : (double) kept / keepable;
  }

  /** Checks what left for what came in; {@code fromClient}: by the side that is translated. */
  void check(String where, boolean fromClient, long timeNs, byte[] before, byte[] after) {
    Packet in = parse(before);
    Packet out = parse(after);
    if (in == null || out == null) {
      faults.add(where + ": not IP");
      return;
    }
    if (fromClient && !pools.contains(out.source)) {
      faults.add(where + ": left as from " + out.source);
    }
    if (!fromClient && !out.source.equals(in.source)) {
      faults.add(where + ": a reply from " + in.source + " left as from " + out.source);
    }
    if (!out.destination.equals(in.destination)) {
      faults.add(where + ": sent to " + in.destination + ", left for " + out.destination);
    }
    if (in.fragment || out.fragment || isOtherIcmp(in)) {
      return;
    }
    if (!isFtpControl(in)) {
      onlyTranslated(where, fromClient, in, out, before, after);
    }
    checksums(where, in, out, before, after);
    if (fromClient) {
      requests++;
      keepable += in.hasPorts && in.sourcePort >= 1024 ? 1 : 0;
      kept += in.hasPorts && in.sourcePort >= 1024 && out.sourcePort == in.sourcePort ? 1 : 0;
      binding(where, in, out, timeNs);
    } else {
      replies++;
      lastSeenNs.merge(in.reversed(), timeNs, Math::max);
    }
  }

  /** Lines of FTP have translated addresses too: {@code FtpReplayTest} looks at them. */
  private static boolean isFtpControl(Packet it) {
    return it.protocol == 6 && it.hasPorts && (it.sourcePort == 21 || it.destinationPort == 21);
  }

  private static boolean isOtherIcmp(Packet it) {
    return (it.protocol == 1 || it.protocol == 58) && !it.echo;
  }

  private void binding(String where, Packet in, Packet out, long timeNs) {
    String flow = in.flow();
    String tuple = out.flow();
    Binding old = bindingOfFlow.get(flow);
    boolean opens = in.protocol == 6 && (in.tcpFlags & 0x12) == 2;
    if (old != null && !old.tuple.equals(tuple) && !opens && isAlive(in, flow, timeNs)) {
      faults.add(where + ": flow " + flow + " had " + old.tuple + " and now has " + tuple);
    }
    String other = flowOfTuple.put(tuple, flow);
    if (other != null && !other.equals(flow)) {
      Binding its = bindingOfFlow.get(other);
      if (its != null && its.tuple.equals(tuple) && isAlive(in, other, timeNs)) {
        faults.add(where + ": flows " + flow + " and " + other + " both have " + tuple);
      }
    }
    tuples.add(tuple);
    bindingOfFlow.put(flow, new Binding(tuple, timeNs));
    lastSeenNs.merge(flow, timeNs, Math::max);
  }

  /** Whether less time has gone by than any state of the protocol lives. */
  private boolean isAlive(Packet it, String flow, long timeNs) {
    long timeout = it.protocol == 6 ? 10 : it.protocol == 17 ? 30 : 60;
    return timeNs - lastSeenNs.getOrDefault(flow, Long.MIN_VALUE / 2) <= timeout * 1_000_000_000L;
  }

  private void onlyTranslated(
      String where, boolean fromClient, Packet in, Packet out, byte[] before, byte[] after) {
    byte[] a = Arrays.copyOf(before, in.end);
    byte[] b = Arrays.copyOf(after, out.end);
    for (byte[] it : List.of(a, b)) {
      it[in.v6 ? 7 : 8] = 0;
      if (!in.v6) {
        Arrays.fill(it, 10, 12, (byte) 0);
      }
      if (fromClient) {
        Arrays.fill(it, in.v6 ? 8 : 12, in.v6 ? 24 : 16, (byte) 0);
        if (in.hasPorts) {
          int at = in.transportAt + (in.echo ? 4 : 0);
          Arrays.fill(it, at, at + 2, (byte) 0);
        }
      }
      int at = checksumAt(in);
      if (at >= 0 && at + 2 <= it.length) {
        Arrays.fill(it, at, at + 2, (byte) 0);
      }
    }
    if (!Arrays.equals(a, b)) {
      faults.add(where + ": more than address, port, TTL and checksums changed");
    }
    int ttl = (before[in.v6 ? 7 : 8] & 0xff) - (after[in.v6 ? 7 : 8] & 0xff);
    if (ttl != 1) {
      faults.add(where + ": TTL changed by " + ttl);
    }
  }

  private void checksums(String where, Packet in, Packet out, byte[] before, byte[] after) {
    if (!in.v6 && isIpGood(before, in) != isIpGood(after, out)) {
      faults.add(where + ": IP checksum right before " + isIpGood(before, in));
    }
    if (in.cut || checksumAt(in) < 0 || checksumAt(in) + 2 > in.end) {
      return;
    }
    boolean none = in.protocol == 17 && u16(before, checksumAt(in)) == 0;
    boolean noneAfter = out.protocol == 17 && u16(after, checksumAt(out)) == 0;
    if (none != noneAfter) {
      faults.add(where + ": a UDP checksum came or went");
    } else if (!none && isGood(before, in) != isGood(after, out)) {
      faults.add(where + ": transport checksum right before " + isGood(before, in));
    }
  }

  private static boolean isIpGood(byte[] b, Packet it) {
    return sum(b, 0, (b[0] & 15) * 4, 0) == 0xffff;
  }

  private static boolean isGood(byte[] b, Packet it) {
    int length = it.end - it.transportAt;
    if (it.protocol == 17) {
      length = u16(b, it.transportAt + 4);
    }
    int from = it.v6 ? 8 : 12;
    long pseudo =
        it.protocol == 1
            ? 0
            : sum(b, from, it.v6 ? 32 : 8, 0) + it.protocol + (length >>> 16) + (length & 0xffff);
    return sum(b, it.transportAt, Math.min(length, it.end - it.transportAt), pseudo) == 0xffff;
  }

  private static int checksumAt(Packet it) {
    return switch (it.protocol) {
      case 6 -> it.transportAt + 16;
      case 17 -> it.transportAt + 6;
      case 1, 58 -> it.transportAt + 2;
      default -> -1;
    };
  }

  private static int sum(byte[] b, int at, int length, long initial) {
    long sum = initial;
    for (int i = 0; i < length; i += 2) {
      sum += (b[at + i] & 0xff) << 8 | (i + 1 < length ? b[at + i + 1] & 0xff : 0);
    }
    while (sum >>> 16 != 0) {
      sum = (sum & 0xffff) + (sum >>> 16);
    }
    return (int) sum;
  }

  private static int u16(byte[] b, int at) {
    return (b[at] & 0xff) << 8 | b[at + 1] & 0xff;
  }

  /** Reads the headers, null where it is not IP. Extension headers are walked through. */
  static Packet parse(byte[] b) {
    int version = b.length == 0 ? 0 : b[0] >>> 4 & 15;
    if (version == 4 && b.length >= 20) {
      int total = u16(b, 2);
      int end = Math.min(total, b.length);
      boolean fragment = (u16(b, 6) & 0x3fff) != 0;
      return transport(
          b,
          false,
          b[9] & 0xff,
          hex(b, 12, 4),
          hex(b, 16, 4),
          fragment,
          (b[0] & 15) * 4,
          end,
          total > b.length);
    }
    if (version != 6 || b.length < 40) {
      return null;
    }
    int end = Math.min(40 + u16(b, 4), b.length);
    int next = b[6] & 0xff;
    int at = 40;
    boolean fragment = false;
    while (at + 8 <= end && (next == 0 || next == 43 || next == 60 || next == 44)) {
      fragment |= next == 44;
      int length = next == 44 ? 8 : ((b[at + 1] & 0xff) + 1) * 8;
      next = b[at] & 0xff;
      at += length;
    }
    return transport(
        b, true, next, hex(b, 8, 16), hex(b, 24, 16), fragment, at, end, 40 + u16(b, 4) > b.length);
  }

  private static Packet transport(
      byte[] b,
      boolean v6,
      int protocol,
      String source,
      String destination,
      boolean fragment,
      int at,
      int end,
      boolean cut) {
    boolean icmp = protocol == 1 || protocol == 58;
    boolean echo =
        icmp && at + 8 <= end && (v6 ? (b[at] & 0xfe) == 0x80 : b[at] == 8 || b[at] == 0);
    boolean ports =
        !fragment && (echo || protocol == 6 && at + 20 <= end || protocol == 17 && at + 8 <= end);
    int sourcePort = ports ? u16(b, echo ? at + 4 : at) : 0;
    int destinationPort = ports ? u16(b, echo ? at + 4 : at + 2) : 0;
    int flags = protocol == 6 && ports ? b[at + 13] : 0;
    return new Packet(
        v6,
        protocol,
        source,
        destination,
        ports,
        echo,
        sourcePort,
        destinationPort,
        flags,
        fragment,
        at,
        end,
        cut);
  }

  private static String hex(byte[] b, int at, int length) {
    return java.util.HexFormat.of().formatHex(b, at, at + length);
  }
}
