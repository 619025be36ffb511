package dev.portcullis.standalone.replay;

import dev.portcullis.core.counters.DropCounters;
import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.event.Anomaly;
import dev.portcullis.core.event.EveLine;
import dev.portcullis.core.event.EveWriter;
import dev.portcullis.core.event.FlowId;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.topology.LogicalInterface;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.io.pcap.PcapngWriter;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The files of a replay. Everything in them follows from the captures and the configuration; only
 * {@code summary.json.wall_clock} is of the day. What was written before a fault stays. Thread: one
 * at a time.
 */
final class Results implements AutoCloseable, Backlog.Writer {

  private static final int LINKTYPE_RAW = 101;

  private final Path folder;
  private final Witness witness;
  private final Topology topology;
  private DistributionTable table;
  private final Tally tally;
  private final Map<String, PcapngWriter> ports = new LinkedHashMap<>();
  private final PcapngWriter[] writerOfTag;
  private final @Nullable BufferedWriter paths;
  private final EventFile events;
  private final EveWriter writer = new EveWriter();
  private final Json json = new Json();
  private final Backlog backlog = new Backlog();
  private final PacketHeader header = new PacketHeader();
  private boolean failed;

  Results(ReplayPlan plan, Topology topology, DistributionTable table, Tally tally)
      throws ReplayException {
    this.folder = plan.out();
    this.witness = plan.witness();
    this.topology = topology;
    this.table = table;
    this.tally = tally;
    this.writerOfTag = new PcapngWriter[topology.interfaces().size()];
    try {
      Files.createDirectories(folder);
      Files.deleteIfExists(folder.resolve("summary.json"));
      for (LogicalInterface it : topology.interfaces()) {
        PcapngWriter writer = ports.get(it.port());
        if (writer == null) {
          writer = PcapngWriter.create(folder.resolve(it.port() + ".pcapng"));
          ports.put(it.port(), writer);
        }
        writerOfTag[it.tag()] = writer;
      }
      Path pathsFile = folder.resolve("paths.jsonl");
      Files.deleteIfExists(pathsFile);
      paths = plan.paths() ? Files.newBufferedWriter(pathsFile, StandardCharsets.UTF_8) : null;
      events = new EventFile(folder.resolve("eve.json"));
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  private ReplayException cannotWrite(IOException e) {
    failed = true;
    String message = String.valueOf(e.getMessage());
    if (e instanceof FileSystemException f) {
      String reason =
          f.getReason() == null ? "it is in the way or may not be written" : f.getReason();
      message = f.getFile() + ": cannot be written: " + reason;
    } else if (!message.contains(folder.toString())) {
      message = folder + ": cannot be written any further: " + message;
    }
    return new ReplayException(1, message);
  }

  /** It is not known yet what becomes of this frame: what stands behind it in the files waits. */
  void waits(long number) {
    backlog.waits(number);
  }

  /** It is known now what became of this frame. */
  void known(long number) {
    backlog.known(number);
  }

  /** Writes what need not wait any longer. */
  void drain() throws ReplayException {
    if (backlog.isActive()) {
      backlog.drain(this);
    }
  }

  /** Takes a piece that left a port. */
  void left(PacketBatch batch, int i) throws ReplayException {
    if (backlog.isActive()) {
      backlog.piece(batch, i);
    } else {
      piece(batch, i);
    }
  }

  @Override
  public void piece(PacketBatch batch, int i) throws ReplayException {
    int l2Length = batch.l2Length[i];
    witness.left(batch, i);
    try {
      writerOfTag[batch.tag[i]].write(
          l2Length > 0 || batch.linkType[i] != 0 ? batch.linkType[i] : LINKTYPE_RAW,
          batch.captureTimeNs[i],
          batch.bytes,
          batch.l2Offset[i],
          l2Length,
          batch.dataOffset[i],
          batch.dataLength[i],
          Math.max(batch.frameLength[i], l2Length + batch.dataLength[i]));
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  /**
   * Writes what became of a frame.
   *
   * @param entered the frame as it entered
   * @param e its row there
   * @param outcome what came back
   * @param o its row there
   * @param outTag tag of the port that it left by, -1 where it did not
   */
  void became(PacketBatch entered, int e, PacketBatch outcome, int o, int outTag)
      throws ReplayException {
    DropReason reason = DropReason.byId(outcome.reason[o]);
    List<Hop> hops = Hop.of(outcome, o);
    tally.became(entered, e, outcome, o, hops, outTag, table);
    witness.became(entered, e, outcome, o, hops, outTag);
    try {
      if (paths != null) {
        String line = path(entered, e, outcome, o, outTag, reason, hops);
        if (backlog.isActive()) {
          backlog.line(entered.number[e], line);
        } else {
          line(line);
        }
      }
      if (reason != DropReason.NONE && (outcome.flags[o] & PacketFlags.EVENT) == 0) {
        dropped(entered, e, reason);
      }
    } catch (IOException fault) {
      throw cannotWrite(fault);
    }
  }

  @Override
  public void line(String line) throws ReplayException {
    if (paths == null) {
      return;
    }
    try {
      paths.write(line);
      paths.write('\n');
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  private String path(
      PacketBatch entered,
      int e,
      PacketBatch outcome,
      int o,
      int outTag,
      DropReason reason,
      List<Hop> hops) {
    int trafficClass = outcome.trafficClass[o];
    json.clear().open('{').key("n").value(entered.number[e]);
    json.key("port").value(portOf(entered.tag[e]));
    json.key("class")
        .value(table.classNames().get(Math.min(trafficClass, table.classNames().size() - 1)));
    json.key("v").value(hex(outcome.vHigh[o], outcome.vLow[o]));
    json.key("n_slots").value(table.slots(trafficClass));
    json.key("epoch").value(table.epoch());
    json.key("hops").open('[');
    for (Hop hop : hops) {
      json.open('{').key("worker").value(hop.worker());
      if (!hop.in().isEmpty()) {
        json.key("in").value(hop.in());
      }
      json.key("did").open('[');
      hop.did().forEach(json::value);
      json.close(']').close('}');
    }
    json.close(']').key("verdict").value(verdict(reason)).key("reason");
    if (reason == DropReason.NONE) {
      json.nothing();
    } else {
      json.value(reason.label());
    }
    json.key("out");
    if (outTag < 0) {
      json.nothing();
    } else {
      json.value(portOf(outTag));
    }
    return json.close('}').toString();
  }

  static String verdict(DropReason reason) {
    return switch (reason) {
      case NONE -> "forward";
      case REJECTED -> "reject";
      default -> "drop";
    };
  }

  private String portOf(int tag) {
    LogicalInterface it = topology.byTag(tag);
    return it == null ? "?" : it.port();
  }

  static String hex(long high, long low) {
    return high == 0
        ? "0x" + Long.toHexString(low)
        : "0x" + Long.toHexString(high) + String.format(java.util.Locale.ROOT, "%016x", low);
  }

  /** Takes an event that a worker made. */
  void event(PacketBatch batch, int i) throws ReplayException {
    try {
      events.add(
          batch.number[i],
          batch.captureTimeNs[i],
          batch.vLow[i],
          batch.bytes,
          batch.dataOffset[i],
          batch.dataLength[i]);
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  /** All events of the frames so far are here. */
  void eventsComplete() throws ReplayException {
    try {
      events.settle();
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  /** Makes the events of a drop that no worker tells of: it happened in an IO module. */
  private void dropped(PacketBatch entered, int e, DropReason reason) throws IOException {
    boolean ip = (entered.flags[e] & PacketFlags.NON_IP) == 0;
    header.parse(entered.bytes, entered.dataOffset[e], ip ? entered.dataLength[e] : 0);
    if (Anomaly.is(reason)) {
      begin(entered, e, "anomaly");
      writer.anomaly(Anomaly.type(reason), Anomaly.event(reason, header.version));
      end(entered, e, reason);
    }
    begin(entered, e, "drop");
    int length = ip ? entered.dataLength[e] : entered.l2Length[e];
    writer.drop(entered.bytes, header, length, reason.label());
    end(entered, e, reason);
  }

  private void begin(PacketBatch entered, int e, String type) {
    writer.tuple.of(header);
    writer.header(
        entered.captureTimeNs[e],
        header.hasAddresses ? FlowId.of(header) : -1,
        portOf(entered.tag[e]),
        type,
        entered.number[e]);
  }

  private void end(PacketBatch entered, int e, DropReason reason) throws IOException {
    writer.line.key("metadata").open('{').key("stage").value(DropCounters.stageOf(reason));
    writer.line.key("epoch").value(table.epoch()).close('}');
    EveLine line = writer.end();
    events.add(entered.number[e], entered.captureTimeNs[e], 0, line.bytes(), 0, line.length());
  }

  /**
   * Writes the summary: after everything else, so that its being there says that the rest is
   * complete.
   */
  void summary(Map<String, Boolean> invariants, long wallClockMs) throws ReplayException {
    json.clear().open('{');
    json.key("received").value(tally.received).key("forwarded").value(tally.forwarded);
    json.key("dropped").open('{');
    for (DropReason reason : DropReason.values()) {
      if (tally.dropped[reason.id()] > 0) {
        json.key(reason.label()).value(tally.dropped[reason.id()]);
      }
    }
    json.close('}').key("held").value(tally.held()).key("non_ip").value(tally.nonIp);
    json.key("not_entered").value(tally.notEntered).key("originated").value(tally.originated);
    json.key("per_port").open('{');
    for (String port : ports.keySet()) {
      json.key(port)
          .open('{')
          .key("received")
          .value(tally.receivedAt(port))
          .key("forwarded")
          .value(tally.forwardedAt(port))
          .close('}');
    }
    json.close('}').key("per_worker").open('{');
    tally.perWorker.forEach(
        (worker, counts) ->
            json.key(Integer.toString(worker))
                .open('{')
                .key("first_hop")
                .value(counts[0])
                .key("later_hop")
                .value(counts[1])
                .close('}'));
    json.close('}').key("scale_events").open('[');
    for (Incident.Event it : tally.incidents()) {
      json.open('{').key("packet").value(it.of().packet());
      if (it.of() instanceof Incident.Kill kill) {
        json.key("killed").value(kill.worker());
      }
      json.key("from").value(it.from()).key("to").value(it.to());
      json.key("flows_moved").value(it.moved()).key("flows_broken").value(it.broken());
      json.key("blocked_ms").value(it.blockedMs()).close('}');
    }
    json.close(']');
    json.key("invariants").open('{');
    invariants.forEach((name, held) -> json.key(name).value(held ? "held" : "broken"));
    json.close('}').key("wall_clock").open('{').key("milliseconds").value(wallClockMs).close('}');
    json.close('}');
    try {
      Files.writeString(folder.resolve("summary.json"), json + "\n", StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  /** Something befell the workers. */
  void befell(Incident.Event event) {
    table = event.table();
    tally.befell(event);
  }

  /** Hands everything to the file system. */
  void finish() throws ReplayException {
    try {
      EveLine line = StatsText.of(writer, tally);
      events.last(line.bytes(), line.length());
    } catch (IOException e) {
      throw cannotWrite(e);
    }
    List<IOException> faults = new ArrayList<>();
    closeAll(faults);
    if (!faults.isEmpty() && !failed) {
      throw cannotWrite(faults.getFirst());
    }
  }

  private void closeAll(List<IOException> faults) {
    List<AutoCloseable> all = new ArrayList<>(ports.values());
    if (paths != null) {
      all.add(paths);
    }
    all.add(events);
    for (AutoCloseable it : all) {
      try {
        it.close();
      } catch (IOException e) {
        faults.add(e);
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
  }

  @Override
  public void close() {
    closeAll(new ArrayList<>());
  }
}
