package dev.portcullis.standalone.cli;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.topology.LogicalInterface;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.standalone.replay.Hop;
import dev.portcullis.standalone.replay.Json;
import dev.portcullis.standalone.replay.PacketText;
import dev.portcullis.standalone.replay.Witness;
import java.io.PrintWriter;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/** Tells people, or programs, the way of the frames that a filter picks. One thread. */
final class TraceWitness implements Witness {

  private final Configured configured;
  private final Topology topology;
  private final DistributionTable table;
  private final TraceFilter filter;
  private final boolean asJson;
  private final PrintWriter out;
  private final PacketHeader in = new PacketHeader();
  private final PacketHeader left = new PacketHeader();
  private final PacketHeader answer = new PacketHeader();
  private long leftNumber = -1;
  private long answerNumber = -1;
  private long frames;
  private int told;

  TraceWitness(Configured configured, TraceFilter filter, boolean asJson, PrintWriter out) {
    this.configured = configured;
    this.topology = Topology.of(configured.config().gateway());
    this.table = configured.table();
    this.filter = filter;
    this.asJson = asJson;
    this.out = out;
  }

  /** Packets that were told of. */
  int told() {
    return told;
  }

  /** Frames that were played. */
  long frames() {
    return frames;
  }

  @Override
  public void left(PacketBatch batch, int i) {
    if ((batch.flags[i] & PacketFlags.ORIGINATED) != 0) {
      answerNumber = batch.number[i];
      answer.parse(batch.bytes, batch.dataOffset[i], batch.dataLength[i]);
    } else if (leftNumber != batch.number[i]) {
      leftNumber = batch.number[i];
      left.parse(batch.bytes, batch.dataOffset[i], batch.dataLength[i]);
    }
  }

  @Override
  public void notEntered(long number) {
    frames = Math.max(frames, number);
    if (filter.isPacket(number)) {
      told++;
      out.println(
          asJson
              ? new Json().open('{').key("n").value(number).key("entered").value(false).close('}')
              : "packet "
                  + number
                  + " did not enter: it is the reply to a request that the gateway did not let through");
    }
  }

  @Override
  public void became(
      PacketBatch entered, int e, PacketBatch outcome, int o, List<Hop> hops, int outTag) {
    long number = entered.number[e];
    frames = Math.max(frames, number);
    boolean ip = (entered.flags[e] & PacketFlags.NON_IP) == 0;
    in.parse(entered.bytes, entered.dataOffset[e], ip ? entered.dataLength[e] : 0);
    if (outTag < 0 || leftNumber != number) {
      left.parse(entered.bytes, 0, 0);
    }
    if (answerNumber != number) {
      answer.parse(entered.bytes, 0, 0);
    }
    if (!filter.matches(number, in, left)) {
      return;
    }
    Told it = new Told(entered, e, outcome, o, hops, outTag);
    if (asJson) {
      json(it);
    } else {
      if (told > 0) {
        out.println();
      }
      text(it);
    }
    told++;
  }

  private record Told(
      PacketBatch entered, int e, PacketBatch outcome, int o, List<Hop> hops, int outTag) {}

  private void text(Told it) {
    LogicalInterface at = topology.byTag(it.entered().tag[it.e()]);
    int trafficClass = it.outcome().trafficClass[it.o()];
    BigInteger v = v(it);
    int slots = table.slots(trafficClass);
    BigInteger r = v.mod(BigInteger.valueOf(slots));
    out.println("packet " + it.entered().number[it.e()] + ": " + PacketText.of(in, length(it)));
    if (at != null) {
      out.println(
          "  came in    port "
              + at.port()
              + " of "
              + topology.ioNames().get(at.io().number())
              + ", logical interface "
              + at.name()
              + " (tag "
              + at.tag()
              + "), zone "
              + at.zone());
    }
    out.println(
        "  assigned   class "
            + className(trafficClass)
            + ", V = 0x"
            + v.toString(16)
            + ", N = "
            + slots
            + ", R = V mod N = "
            + r
            + ": worker "
            + table.slot(trafficClass, r.intValue()));
    for (Hop hop : it.hops()) {
      out.println(
          "  worker "
              + hop.worker()
              + (hop.in().isEmpty() ? ", passed on by another" : ", from " + hop.in()));
      steps(hop).forEach(step -> out.println("    " + step));
    }
    verdict(it);
  }

  private void verdict(Told it) {
    DropReason reason = DropReason.byId(it.outcome().reason[it.o()]);
    LogicalInterface to = topology.byTag(it.outTag());
    if (reason == DropReason.NONE) {
      out.println(
          "  verdict    forward"
              + (to == null ? "" : " by port " + to.port())
              + (left.hasAddresses ? " as " + PacketText.tuple(left) : ""));
    } else {
      out.println(
          "  verdict    "
              + (reason == DropReason.REJECTED ? "reject" : "drop")
              + ", "
              + reason.label()
              + ": "
              + reason.sentence());
    }
  }

  /** What a worker did, a line each. */
  private List<String> steps(Hop hop) {
    List<String> lines = new ArrayList<>();
    String was = null;
    for (String did : hop.did()) {
      was = did.startsWith("was:") ? did.substring(4) : was;
    }
    boolean stateful = false;
    for (String did : hop.did()) {
      int colon = did.indexOf(':');
      String step = colon < 0 ? did : did.substring(0, colon);
      String detail = colon < 0 ? "" : did.substring(colon + 1);
      switch (step) {
        case "was" -> {}
        case "acl" ->
            lines.add("acl        rule " + RuleText.of(configured.config().policy(), detail));
        case "stateful" -> {
          stateful = true;
          lines.add("stateful   state " + (was == null ? "" : was + " → ") + detail);
        }
        case "dnat" -> lines.add("dnat       receiver " + change(false));
        case "snat" -> lines.add("snat       sender " + change(true));
        case "related" ->
            lines.add("related    an ICMP error about a packet of a flow, which it goes with");
        case "answer" -> lines.add("answer     " + answer());
        case "record" -> lines.add("record     keeps the way back for the replies");
        case "path" -> lines.add("path       what is recorded here leads to another worker");
        case "expired" -> lines.add("expired    the flow that it was passed on for has gone");
        default ->
            lines.add(
                detail.isEmpty()
                    ? step
                    : step + " ".repeat(Math.max(1, 11 - step.length())) + detail);
      }
    }
    if (!stateful && was != null) {
      lines.add("stateful   state " + was + ", which stays");
    }
    return lines;
  }

  private String answer() {
    return !answer.hasAddresses
        ? "the gateway answers"
        : "the gateway answers with "
            + PacketText.tuple(answer)
            + (answer.icmpType < 0
                ? ", flags " + PacketText.flags(answer.tcpFlags)
                : ", type " + answer.icmpType + " code " + answer.icmpCode);
  }

  private String change(boolean sender) {
    String before = sender ? PacketText.source(in) : PacketText.receiver(in);
    return left.hasAddresses
        ? before + " → " + (sender ? PacketText.source(left) : PacketText.receiver(left))
        : before;
  }

  private static BigInteger v(Told it) {
    byte[] bytes = new byte[16];
    for (int i = 0; i < 8; i++) {
      bytes[i] = (byte) (it.outcome().vHigh[it.o()] >>> 56 - 8 * i);
      bytes[8 + i] = (byte) (it.outcome().vLow[it.o()] >>> 56 - 8 * i);
    }
    return new BigInteger(1, bytes);
  }

  private static int length(Told it) {
    return it.entered().l2Length[it.e()] + it.entered().dataLength[it.e()];
  }

  private String className(int trafficClass) {
    return table.classNames().get(Math.min(trafficClass, table.classNames().size() - 1));
  }

  private void json(Told it) {
    DropReason reason = DropReason.byId(it.outcome().reason[it.o()]);
    int trafficClass = it.outcome().trafficClass[it.o()];
    BigInteger v = v(it);
    int slots = table.slots(trafficClass);
    LogicalInterface at = topology.byTag(it.entered().tag[it.e()]);
    LogicalInterface to = topology.byTag(it.outTag());
    Json json = new Json().open('{').key("n").value(it.entered().number[it.e()]);
    json.key("entered").value(true).key("packet").value(PacketText.of(in, length(it)));
    if (at != null) {
      json.key("port").value(at.port()).key("io").value(topology.ioNames().get(at.io().number()));
      json.key("interface").value(at.name()).key("zone").value(at.zone());
    }
    json.key("class").value(className(trafficClass)).key("v").value("0x" + v.toString(16));
    json.key("n_slots").value(slots);
    json.key("r").value(v.mod(BigInteger.valueOf(slots)).intValue());
    json.key("hops").open('[');
    for (Hop hop : it.hops()) {
      json.open('{').key("worker").value(hop.worker()).key("did").open('[');
      hop.did().forEach(json::value);
      json.close(']').key("says").open('[');
      steps(hop).forEach(step -> json.value(step.replaceAll(" {2,}", ": ")));
      json.close(']').close('}');
    }
    json.close(']').key("verdict");
    json.value(
        reason == DropReason.NONE ? "forward" : reason == DropReason.REJECTED ? "reject" : "drop");
    if (reason != DropReason.NONE) {
      json.key("reason").value(reason.label()).key("sentence").value(reason.sentence());
    }
    if (to != null) {
      json.key("out").value(to.port());
    }
    if (left.hasAddresses) {
      json.key("left_as").value(PacketText.tuple(left));
    }
    out.println(json.close('}'));
  }
}
