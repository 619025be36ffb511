package dev.portcullis.worker;

import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A packet as a line of text, for fixtures: {@code 10.0.0.5:40000 198.51.100.7:80 tcp SYN seq
 * 1000}. The words are listed in {@code src/test/fixtures/README.md}. A line builds a packet, or is
 * compared with one: then only what it says is looked at, and every checksum must be right.
 */
final class PacketText {

  private static final Pattern END =
      Pattern.compile("(?:\\[([^\\]]+)]|([0-9a-fA-F.:]*?))(?::(\\d+|\\$\\w+))?");
  private static final Pattern V6_ALONE = Pattern.compile("[0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[^\\]]*");
  private static final Map<String, Integer> PROTOCOLS =
      Map.of("tcp", 6, "udp", 17, "icmp", 1, "icmpv6", 58, "sctp", 132, "gre", 47, "esp", 50);
  private static final Map<String, Integer> FLAGS =
      Map.of("FIN", 1, "SYN", 2, "RST", 4, "PSH", 8, "ACK", 16, "URG", 32, "ECE", 64, "CWR", 128);
  private static final Set<String> WITH_VALUE =
      Set.of(
          "seq",
          "ack",
          "win",
          "ttl",
          "id",
          "offset",
          "length",
          "data",
          "mss",
          "wscale",
          "sack",
          "type",
          "code",
          "echo",
          "mtu",
          "options",
          "hex",
          "total",
          "next",
          "urgent",
          "tos",
          "pad",
          "ext",
          "quote-length",
          "tcp-options",
          "label",
          "patch");
  private static final Set<String> ALONE =
      Set.of("df", "mf", "sackok", "bad-ip-checksum", "bad-checksum", "no-checksum");

  final String text;
  private final IpAddress source;
  private final String sourcePort;
  private final IpAddress destination;
  private final String destinationPort;
  private final int protocol;
  private final Map<String, String> words = new LinkedHashMap<>();
  private int flags = -1;
  private @Nullable PacketText quote;

  PacketText(String text) {
    this.text = text;
    Deque<String> tokens = new ArrayDeque<>(tokens(text));
    String[] from = end(take(tokens));
    String[] to = end(take(tokens));
    source = address(from[0]);
    destination = address(to[0]);
    sourcePort = from[1];
    destinationPort = to[1];
    String name = take(tokens);
    protocol = name.matches("\\d+") ? Integer.parseInt(name) : known(name);
    while (!tokens.isEmpty()) {
      word(tokens);
    }
  }

  private void word(Deque<String> tokens) {
    String word = take(tokens);
    if (FLAGS.containsKey(word)) {
      flags = Math.max(flags, 0) | FLAGS.get(word);
    } else if (word.equals("NONE")) {
      flags = 0;
    } else if (word.equals("quote")) {
      quote = new PacketText(take(tokens).replaceAll("^\\{|}$", "").strip());
    } else if (ALONE.contains(word)) {
      words.put(word, "");
    } else if (WITH_VALUE.contains(word)) {
      words.put(word, take(tokens));
    } else {
      throw new IllegalArgumentException("\"" + word + "\" is no word of a packet: " + text);
    }
  }

  private String take(Deque<String> tokens) {
    String token = tokens.poll();
    if (token == null) {
      throw new IllegalArgumentException("the line ends too soon: " + text);
    }
    return token;
  }

  private int known(String name) {
    Integer number = PROTOCOLS.get(name);
    if (number == null) {
      throw new IllegalArgumentException(
          "\"" + name + "\" is no protocol; allowed are a number and " + PROTOCOLS.keySet());
    }
    return number;
  }

  private static List<String> tokens(String text) {
    List<String> tokens = new ArrayList<>();
    int depth = 0;
    boolean quoted = false;
    StringBuilder token = new StringBuilder();
    for (char c : (text + " ").toCharArray()) {
      quoted ^= c == '"';
      depth += quoted ? 0 : c == '{' ? 1 : c == '}' ? -1 : 0;
      if (c == ' ' && depth == 0 && !quoted) {
        if (!token.isEmpty()) {
          tokens.add(token.toString());
        }
        token.setLength(0);
      } else {
        token.append(c);
      }
    }
    return tokens;
  }

  private String[] end(String token) {
    if (!token.startsWith("[") && V6_ALONE.matcher(token).matches()) {
      return new String[] {token, ""};
    }
    Matcher matcher = END.matcher(token);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "\"" + token + "\" is neither address nor address:port: " + text);
    }
    String address = matcher.group(1) == null ? matcher.group(2) : matcher.group(1);
    return new String[] {address, matcher.group(3) == null ? "" : matcher.group(3)};
  }

  private IpAddress address(String token) {
    IpAddress address = IpAddress.parse(token);
    if (address == null) {
      throw new IllegalArgumentException("\"" + token + "\" is no address: " + text);
    }
    return address;
  }

  private static int port(String text, Map<String, Integer> bound) {
    if (text.isEmpty()) {
      return 0;
    }
    Integer value = text.startsWith("$") ? bound.get(text) : Integer.valueOf(text);
    if (value == null) {
      throw new IllegalArgumentException(text + " is not known yet: no packet that left had it");
    }
    return value;
  }

  private long number(String word, long otherwise) {
    String value = words.get(word);
    return value == null ? otherwise : Long.decode(value);
  }

  private byte[] payload() {
    String data = words.get("data");
    if (data != null) {
      return data.replaceAll("^\"|\"$", "")
          .replace("\\r", "\r")
          .replace("\\n", "\n")
          .getBytes(StandardCharsets.ISO_8859_1);
    }
    if (words.containsKey("hex")) {
      return HexFormat.of().parseHex(words.get("hex"));
    }
    byte[] bytes = new byte[(int) number("length", 0)];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) i;
    }
    return bytes;
  }

  /** Builds the packet. */
  byte[] bytes(Map<String, Integer> bound) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    boolean later = number("offset", 0) > 0;
    byte[] transport = later || protocol > 255 ? payload() : transport(bound);
    byte[] options = optionBytes();
    boolean v4 = source.version() == 4;
    boolean fragment = words.containsKey("mf") || words.containsKey("offset");
    byte[] header = v4 ? ipv4(options, transport.length) : ipv6(transport.length, fragment);
    all.writeBytes(header);
    all.writeBytes(transport);
    byte[] packet = all.toByteArray();
    if (!later) {
      checksums(packet, header.length, fragment);
    }
    if (v4) {
      put16(packet, 10, 0);
      put16(packet, 10, ~sum(packet, 0, header.length, 0));
      if (words.containsKey("bad-ip-checksum")) {
        packet[10] ^= 0x55;
      }
    }
    patch(packet);
    return Arrays.copyOf(packet, packet.length + (int) number("pad", 0));
  }

  private void patch(byte[] packet) {
    String patch = words.get("patch");
    if (patch != null) {
      int colon = patch.indexOf(':');
      byte[] bytes = HexFormat.of().parseHex(patch.substring(colon + 1));
      System.arraycopy(bytes, 0, packet, Integer.parseInt(patch.substring(0, colon)), bytes.length);
    }
  }

  private byte[] optionBytes() {
    String options = words.get("options");
    return options == null ? new byte[0] : HexFormat.of().parseHex(options);
  }

  private byte[] ipv4(byte[] options, int length) {
    byte[] h = new byte[20 + options.length];
    h[0] = (byte) (0x40 | h.length / 4);
    h[1] = (byte) number("tos", 0);
    put16(h, 2, (int) number("total", h.length + length));
    put16(h, 4, (int) number("id", 77));
    int offset = (int) number("offset", 0) / 8;
    put16(
        h,
        6,
        (words.containsKey("df") ? 0x4000 : 0) | (words.containsKey("mf") ? 0x2000 : 0) | offset);
    h[8] = (byte) number("ttl", 64);
    h[9] = (byte) protocol;
    put32(h, 12, source.low());
    put32(h, 16, destination.low());
    System.arraycopy(options, 0, h, 20, options.length);
    return h;
  }

  private byte[] ipv6(int length, boolean fragment) {
    byte[] extensions =
        words.containsKey("ext") ? HexFormat.of().parseHex(words.get("ext")) : new byte[0];
    byte[] h = new byte[40 + extensions.length + (fragment ? 8 : 0)];
    put32(h, 0, 6L << 28 | number("tos", 0) << 20 | number("label", 0));
    put16(h, 4, (int) number("total", h.length - 40 + length));
    h[6] = (byte) number("next", fragment ? 44 : protocol);
    h[7] = (byte) number("ttl", 64);
    put64(h, 8, source);
    put64(h, 24, destination);
    System.arraycopy(extensions, 0, h, 40, extensions.length);
    if (fragment) {
      int at = 40 + extensions.length;
      h[at] = (byte) protocol;
      put16(h, at + 2, (int) number("offset", 0) & 0xfff8 | (words.containsKey("mf") ? 1 : 0));
      put32(h, at + 4, number("id", 77));
    }
    return h;
  }

  private byte[] transport(Map<String, Integer> bound) {
    byte[] payload = payload();
    int from = port(sourcePort, bound);
    int to = port(destinationPort, bound);
    switch (protocol) {
      case PacketHeader.TCP -> {
        byte[] options = tcpOptions();
        byte[] h = new byte[20 + options.length];
        put16(h, 0, from);
        put16(h, 2, to);
        put32(h, 4, number("seq", 1000));
        put32(h, 8, number("ack", 0));
        h[12] = (byte) (h.length / 4 << 4);
        h[13] = (byte) Math.max(flags, 0);
        put16(h, 14, (int) number("win", 65535));
        put16(h, 18, (int) number("urgent", 0));
        System.arraycopy(options, 0, h, 20, options.length);
        return join(h, payload);
      }
      case PacketHeader.UDP -> {
        byte[] h = new byte[8];
        put16(h, 0, from);
        put16(h, 2, to);
        put16(h, 4, 8 + payload.length);
        return join(h, payload);
      }
      case PacketHeader.SCTP -> {
        byte[] h = new byte[12];
        put16(h, 0, from);
        put16(h, 2, to);
        return join(h, payload);
      }
      case PacketHeader.ICMP, PacketHeader.ICMPV6 -> {
        byte[] h = new byte[8];
        h[0] = (byte) number("type", protocol == PacketHeader.ICMP ? 8 : 128);
        h[1] = (byte) number("code", 0);
        if (quote == null) {
          String echo = words.getOrDefault("echo", "1");
          put16(h, 4, port(echo, bound));
          put16(h, 6, (int) number("seq", 1));
          return join(h, payload);
        }
        put32(h, 4, number("mtu", 0));
        byte[] quoted = quote.bytes(bound);
        int length = (int) number("quote-length", quoted.length);
        return join(h, Arrays.copyOf(quoted, Math.min(length, quoted.length)));
      }
      default -> {
        return payload;
      }
    }
  }

  private byte[] tcpOptions() {
    ByteArrayOutputStream o = new ByteArrayOutputStream();
    if (words.containsKey("mss")) {
      o.writeBytes(new byte[] {2, 4, (byte) (number("mss", 0) >>> 8), (byte) number("mss", 0)});
    }
    if (words.containsKey("wscale")) {
      o.writeBytes(new byte[] {1, 3, 3, (byte) number("wscale", 0)});
    }
    if (words.containsKey("sack")) {
      String[] edges = words.get("sack").split("-");
      byte[] sack = new byte[12];
      sack[0] = 1;
      sack[1] = 1;
      sack[2] = 5;
      sack[3] = 10;
      put32(sack, 4, Long.parseLong(edges[0]));
      put32(sack, 8, Long.parseLong(edges[1]));
      o.writeBytes(sack);
    }
    if (words.containsKey("sackok")) {
      o.writeBytes(new byte[] {1, 1, 4, 2});
    }
    if (words.containsKey("tcp-options")) {
      o.writeBytes(HexFormat.of().parseHex(words.get("tcp-options")));
    }
    return o.toByteArray();
  }

  private void checksums(byte[] packet, int start, boolean fragment) {
    int at = checksumAt();
    if (at < 0 || words.containsKey("no-checksum")) {
      return;
    }
    int checksum = computed(packet, start, packet.length, at);
    if (words.containsKey("bad-checksum")) {
      checksum ^= 0x55;
    }
    if (!fragment || !words.containsKey("mf")) {
      put16(packet, start + at, checksum);
    }
  }

  private int checksumAt() {
    return switch (protocol) {
      case PacketHeader.TCP -> 16;
      case PacketHeader.UDP -> 6;
      case PacketHeader.ICMP, PacketHeader.ICMPV6 -> 2;
      default -> -1;
    };
  }

  private int computed(byte[] packet, int start, int end, int at) {
    byte[] copy = Arrays.copyOf(packet, end);
    put16(copy, start + at, 0);
    long pseudo = 0;
    if (protocol != PacketHeader.ICMP) {
      int addresses = source.version() == 4 ? 12 : 8;
      int length = source.version() == 4 ? 8 : 32;
      pseudo = sum(packet, addresses, length, 0) + protocol + (end - start);
    }
    int checksum = ~sum(copy, start, end - start, pseudo) & 0xffff;
    return protocol == PacketHeader.UDP && checksum == 0 ? 0xffff : checksum;
  }

  /**
   * Compares a packet with this line; ports that the line calls {@code $name} are bound when they
   * are new.
   *
   * @return what differs, empty where nothing does
   */
  List<String> differences(byte[] packet, Map<String, Integer> bound) {
    List<String> wrong = new ArrayList<>();
    if (isWhole) {
      HexFormat hex = HexFormat.of();
      compare(wrong, "packet", hex.formatHex(bytes(bound)), hex.formatHex(packet));
      return wrong;
    }
    PacketHeader h = new PacketHeader();
    h.parse(packet, 0, packet.length);
    IpAddress from = new IpAddress(h.version, h.sourceHigh, h.sourceLow);
    IpAddress to = new IpAddress(h.version, h.destinationHigh, h.destinationLow);
    compare(wrong, "sender", source.toString(), from.toString());
    compare(wrong, "receiver", destination.toString(), to.toString());
    compare(wrong, "protocol", protocol, h.protocol);
    if (!wrong.isEmpty()) {
      return wrong;
    }
    if (protocol != PacketHeader.ICMP && protocol != PacketHeader.ICMPV6) {
      bind(wrong, "source port", sourcePort, h.sourcePort, bound);
      bind(wrong, "destination port", destinationPort, h.destinationPort, bound);
    }
    words.keySet().forEach(word -> compareWord(wrong, word, packet, h, bound));
    if (flags >= 0) {
      compare(wrong, "TCP flags", flags, packet[h.transportOffset + 13] & 0xff);
    }
    if (quote != null) {
      byte[] quoted = Arrays.copyOfRange(packet, h.transportOffset + 8, h.end);
      for (String it : quote.withoutChecksums().differences(quoted, bound)) {
        wrong.add("quote: " + it);
      }
    }
    if (!skipChecksums) {
      compareChecksums(wrong, packet, h);
    }
    return wrong;
  }

  private boolean skipChecksums;
  private boolean isWhole;

  /** This packet, byte for byte. */
  PacketText whole() {
    PacketText copy = new PacketText(text);
    copy.isWhole = true;
    return copy;
  }

  private PacketText withoutChecksums() {
    PacketText copy = new PacketText(text);
    copy.skipChecksums = true;
    return copy;
  }

  private void compareWord(
      List<String> wrong, String word, byte[] p, PacketHeader h, Map<String, Integer> bound) {
    int t = h.transportOffset;
    boolean v4 = h.version == 4;
    switch (word) {
      case "seq" -> {
        boolean tcp = protocol == PacketHeader.TCP;
        compare(wrong, word, number(word, 0), tcp ? u32(p, t + 4) : u16(p, t + 6));
      }
      case "ack" -> compare(wrong, word, number(word, 0), u32(p, t + 8));
      case "win" -> compare(wrong, word, number(word, 0), u16(p, t + 14));
      case "ttl" -> compare(wrong, word, number(word, 0), h.ttl);
      case "tos" -> compare(wrong, word, number(word, 0), v4 ? p[1] & 0xff : u16(p, 0) >> 4 & 255);
      case "id" -> compare(wrong, word, number(word, 0), h.fragmentId);
      case "offset" -> compare(wrong, word, number(word, 0), h.fragmentOffset);
      case "mf" -> compare(wrong, word, true, h.moreFragments);
      case "df" -> compare(wrong, word, true, v4 && (p[6] & 0x40) != 0);
      case "type" -> compare(wrong, word, number(word, 0), h.icmpType);
      case "code" -> compare(wrong, word, number(word, 0), h.icmpCode);
      case "mtu" -> compare(wrong, word, number(word, 0), u32(p, t + 4));
      case "echo" -> bind(wrong, "echo identifier", words.get(word), u16(p, t + 4), bound);
      case "length" -> compare(wrong, word, number(word, 0), h.end - dataAt(p, h));
      case "total" -> compare(wrong, word, number(word, 0), h.end - (v4 ? 0 : 40));
      case "data", "hex" -> {
        byte[] data = Arrays.copyOfRange(p, dataAt(p, h), h.end);
        compare(wrong, word, show(payload()), show(data));
      }
      case "mss" -> compare(wrong, word, number(word, 0), option(p, t, 2, 2));
      case "wscale" -> compare(wrong, word, number(word, 0), option(p, t, 3, 1));
      case "options" -> {
        String options = HexFormat.of().formatHex(p, 20, (p[0] & 15) * 4);
        compare(wrong, word, words.get(word).toLowerCase(Locale.ROOT), options);
      }
      case "sackok" -> compare(wrong, word, true, option(p, t, 4, 0) >= 0);
      case "tcp-options" -> {
        String options = HexFormat.of().formatHex(p, t + 20, t + (p[t + 12] >>> 4 & 15) * 4);
        compare(wrong, word, words.get(word).toLowerCase(Locale.ROOT), options);
      }
      case "pad" -> compare(wrong, word, number(word, 0), p.length - h.end);
      case "label" -> compare(wrong, word, number(word, 0), u32(p, 0) & 0xfffff);
      case "bad-checksum", "bad-ip-checksum", "no-checksum", "quote-length" -> {}
      default -> wrong.add("a packet that left cannot be asked for \"" + word + "\"");
    }
  }

  private static String show(byte[] data) {
    return new String(data, StandardCharsets.ISO_8859_1).replace("\r", "\\r").replace("\n", "\\n");
  }

  private static int dataAt(byte[] p, PacketHeader h) {
    if (h.fragmentOffset > 0) {
      return h.transportOffset;
    }
    return h.transportOffset
        + switch (h.protocol) {
          case PacketHeader.TCP -> (p[h.transportOffset + 12] >>> 4 & 15) * 4;
          case PacketHeader.UDP, PacketHeader.ICMP, PacketHeader.ICMPV6 -> 8;
          case PacketHeader.SCTP -> 12;
          default -> 0;
        };
  }

  private static long option(byte[] p, int t, int kind, int size) {
    int end = t + (p[t + 12] >>> 4 & 15) * 4;
    for (int at = t + 20; at < end && p[at] != 0; at += p[at] == 1 ? 1 : p[at + 1]) {
      if (p[at] == kind) {
        return size == 0 ? 0 : size == 1 ? p[at + 2] & 0xff : u16(p, at + 2);
      }
    }
    return -1;
  }

  private void compareChecksums(List<String> wrong, byte[] packet, PacketHeader h) {
    if (h.version == 4 && !words.containsKey("bad-ip-checksum")) {
      compare(wrong, "IP checksum sum", 0xffff, sum(packet, 0, (packet[0] & 15) * 4, 0));
    }
    int at = checksumAt();
    boolean none =
        protocol == PacketHeader.UDP && !h.fragment && u16(packet, h.transportOffset + 6) == 0;
    if (at >= 0 && !h.fragment && !none && !words.containsKey("bad-checksum")) {
      int expected = computed(packet, h.transportOffset, h.end, at);
      compare(wrong, "checksum", expected, u16(packet, h.transportOffset + at));
    }
    compare(wrong, "UDP without checksum", words.containsKey("no-checksum") && !h.fragment, none);
  }

  private static void bind(
      List<String> wrong, String what, String port, int actual, Map<String, Integer> bound) {
    if (port.isEmpty()) {
      return;
    }
    int expected =
        port.startsWith("$") ? bound.computeIfAbsent(port, it -> actual) : Integer.parseInt(port);
    compare(wrong, what, expected, actual);
  }

  private static void compare(List<String> wrong, String what, Object expected, Object actual) {
    if (!String.valueOf(expected).equals(String.valueOf(actual))) {
      wrong.add(what + " is " + actual + " and not " + expected);
    }
  }

  private static byte[] join(byte[] a, byte[] b) {
    byte[] all = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, all, a.length, b.length);
    return all;
  }

  private static int sum(byte[] bytes, int from, int length, long initial) {
    long sum = initial;
    for (int i = 0; i < length; i += 2) {
      sum += (bytes[from + i] & 0xff) << 8 | (i + 1 < length ? bytes[from + i + 1] & 0xff : 0);
    }
    while (sum >>> 16 != 0) {
      sum = (sum & 0xffff) + (sum >>> 16);
    }
    return (int) sum;
  }

  private static int u16(byte[] b, int at) {
    return (b[at] & 0xff) << 8 | b[at + 1] & 0xff;
  }

  private static long u32(byte[] b, int at) {
    return (long) u16(b, at) << 16 | u16(b, at + 2);
  }

  private static void put16(byte[] b, int at, int value) {
    b[at] = (byte) (value >>> 8);
    b[at + 1] = (byte) value;
  }

  private static void put32(byte[] b, int at, long value) {
    put16(b, at, (int) (value >>> 16));
    put16(b, at + 2, (int) value);
  }

  private static void put64(byte[] b, int at, IpAddress address) {
    put32(b, at, address.high() >>> 32);
    put32(b, at + 4, address.high());
    put32(b, at + 8, address.low() >>> 32);
    put32(b, at + 12, address.low());
  }
}
