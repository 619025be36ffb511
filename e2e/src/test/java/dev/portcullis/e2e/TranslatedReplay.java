package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.io.pcap.CaptureReader;
import dev.portcullis.io.pcap.Frame;
import dev.portcullis.io.pcap.LinkLayer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The packets of a replay through a gateway that translates, before and after. */
final class TranslatedReplay {

  /** Told of a packet that went through. */
  interface Passed {

    /** A packet of a capture went through, on the way of a line of {@code paths.jsonl}. */
    void through(Path capture, Matcher line, byte[] packet);
  }

  private static final Pattern LINE =
      Pattern.compile("\\{\"n\":(\\d+),\"port\":\"(.*?)\".*\"verdict\":\"(.*?)\".*\"out\":(.*)}");

  private TranslatedReplay() {}

  /** Captures without fragments: what becomes of those is not one packet for one packet. */
  static List<Path> withoutFragments() throws IOException {
    return Playground.captures().stream()
        .filter(it -> packets(it).stream().noneMatch(NatChecker.Packet::fragment))
        .toList();
  }

  /** Whether all of a capture is between loopback addresses: it is from martians. */
  static boolean isLoopback(Path capture) {
    Predicate<NatChecker.Packet> loopback = it -> !it.v6() && it.source().startsWith("7f");
    return packets(capture).stream().allMatch(loopback);
  }

  /** The IP packets of what can be read of a capture. */
  private static List<NatChecker.Packet> packets(Path capture) {
    List<NatChecker.Packet> all = new ArrayList<>();
    Frame frame = new Frame();
    LinkLayer link = new LinkLayer();
    try (CaptureReader reader = CaptureReader.open(capture)) {
      while (reader.next(frame)) {
        link.parse(frame);
        NatChecker.Packet it = link.ip ? NatChecker.parse(packet(frame, link)) : null;
        if (it != null) {
          all.add(it);
        }
      }
    } catch (IOException e) {
      // what can be read of it is played
    }
    return all;
  }

  private static byte[] packet(Frame frame, LinkLayer link) {
    return Arrays.copyOfRange(frame.bytes, link.l2Length, frame.length);
  }

  /**
   * Checks every packet that left for the one that it was, and that all came out in order.
   *
   * @param folder where the replay of {@code played} has written
   */
  static void check(Path folder, List<Path> played, NatChecker checker, Passed passed)
      throws IOException {
    Frame in = new Frame();
    Frame out = new Frame();
    LinkLayer link = new LinkLayer();
    long n = 0;
    int next = 0;
    List<String> paths = Files.readAllLines(folder.resolve("paths.jsonl"));
    Map<String, CaptureReader> ports = new HashMap<>();
    try (CaptureReader lan = CaptureReader.open(folder.resolve("lan.pcapng"));
        CaptureReader wan = CaptureReader.open(folder.resolve("wan.pcapng"))) {
      ports.put("\"lan\"", lan);
      ports.put("\"wan\"", wan);
      for (Path capture : played) {
        checker.next();
        try (CaptureReader input = CaptureReader.open(capture)) {
          while (input.next(in)) {
            n++;
            Matcher line = LINE.matcher(next < paths.size() ? paths.get(next) : "");
            if (!line.matches() || Long.parseLong(line.group(1)) != n) {
              continue; // it did not enter
            }
            next++;
            if (line.group(3).equals("forward")) {
              CaptureReader port = ports.get(line.group(4));
              assertTrue(port != null && port.next(out), () -> "did not come out: " + line.group());
              link.parse(in);
              byte[] after = Arrays.copyOf(out.bytes, out.length);
              String where = capture.getFileName() + ", frame " + n + ": " + line.group();
              checker.check(where, line.group(2).equals("lan"), in.timeNs, packet(in, link), after);
              passed.through(capture, line, packet(in, link));
            } else if (line.group().contains("\"answer\"")) {
              // what the gateway says itself leaves by the port of entry
              CaptureReader port = ports.get('"' + line.group(2) + '"');
              assertTrue(port != null && port.next(out), () -> "no answer: " + line.group());
            }
          }
        } catch (IOException e) {
          // a damaged capture ends where it can no longer be read
        }
      }
      assertFalse(lan.next(out) || wan.next(out), "more came out than went in");
    }
    assertEquals(paths.size(), next);
  }
}
