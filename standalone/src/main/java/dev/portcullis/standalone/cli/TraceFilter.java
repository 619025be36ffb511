package dev.portcullis.standalone.cli;

import dev.portcullis.core.event.FlowId;
import dev.portcullis.core.process.ExitCode;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Which packets a trace tells of: one number, or a flow by its number or by its ends. */
final class TraceFilter {

  private static final Pattern END =
      Pattern.compile(
          "\\[([0-9a-fA-F:.]+)](?::(\\d{1,5}))?|([0-9.]+)(?::(\\d{1,5}))?|([0-9a-fA-F:.]+)");

  /** The most translations of one flow that are remembered. */
  private static final int MOST_TRANSLATED = 1024;

  private final long number;
  private final long flowId;
  private final @Nullable End a;
  private final @Nullable End b;
  private final Set<Long> translated = new HashSet<>();

  private record End(IpAddress address, int port) {}

  private TraceFilter(long number, long flowId, @Nullable End a, @Nullable End b) {
    this.number = number;
    this.flowId = flowId;
    this.a = a;
    this.b = b;
  }

  static TraceFilter packet(long number) {
    return new TraceFilter(number, -1, null, null);
  }

  static TraceFilter flow(@Nullable String text) throws CommandException {
    String flow = String.valueOf(text);
    if (flow.matches("\\d{1,18}")) {
      return new TraceFilter(-1, Long.parseLong(flow), null, null);
    }
    String[] ends = flow.split(">", -1);
    End a = ends.length == 2 ? end(ends[0].trim()) : null;
    End b = ends.length == 2 ? end(ends[1].trim()) : null;
    if (a == null || b == null || a.address().version() != b.address().version()) {
      throw new CommandException(
          ExitCode.USAGE,
          "--flow is \""
              + flow
              + "\"; allowed are two ends such as \"10.0.0.1:1234 > 1.2.3.4:80\", \"[2001:db8::1]:53 > [2001:db8::2]:53\" or a flow_id");
    }
    return new TraceFilter(-1, -1, a, b);
  }

  private static @Nullable End end(String text) {
    Matcher matcher = END.matcher(text);
    if (!matcher.matches()) {
      return null;
    }
    String address =
        matcher.group(1) != null
            ? matcher.group(1)
            : matcher.group(3) != null ? matcher.group(3) : matcher.group(5);
    String port = matcher.group(2) != null ? matcher.group(2) : matcher.group(4);
    IpAddress parsed = IpAddress.parse(address);
    return parsed == null ? null : new End(parsed, port == null ? -1 : Integer.parseInt(port));
  }

  /**
   * Whether a frame is told of: by its number, or by its headers as it came in or as it left. A
   * flow that left translated is recognized by that as well from then on, so also those of its
   * replies that get no further.
   */
  boolean matches(long frame, PacketHeader in, PacketHeader left) {
    if (frame == number) {
      return true;
    }
    boolean is = isOf(in) || isOf(left) || isTuple(in) && translated.contains(FlowId.of(in));
    if (is && isTuple(left) && translated.size() < MOST_TRANSLATED) {
      translated.add(FlowId.of(left));
    }
    return is;
  }

  private static boolean isTuple(PacketHeader h) {
    return h.hasPorts && !h.fragment;
  }

  /** Whether it is asked for by number. */
  boolean isPacket(long frame) {
    return frame == number;
  }

  private boolean isOf(PacketHeader h) {
    if (!h.hasAddresses) {
      return false;
    }
    if (flowId >= 0) {
      return FlowId.of(h) == flowId;
    }
    End source = new End(new IpAddress(h.version, h.sourceHigh, h.sourceLow), h.sourcePort);
    End receiver =
        new End(new IpAddress(h.version, h.destinationHigh, h.destinationLow), h.destinationPort);
    return is(a, source) && is(b, receiver) || is(a, receiver) && is(b, source);
  }

  private static boolean is(@Nullable End wanted, End end) {
    return wanted != null
        && wanted.address().equals(end.address())
        && (wanted.port() < 0 || wanted.port() == end.port());
  }
}
