package dev.portcullis.standalone.replay;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.policy.GatewaySpec.Algorithm;
import dev.portcullis.core.topology.LogicalInterface;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.io.pcap.Frame;
import dev.portcullis.io.pcap.LinkLayer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Plays captures through a gateway in rounds (ADR 4). A round is a run of consecutive frames in
 * which no pair of addresses speaks in both directions and all new flows enter by one port (under
 * {@code least-loaded}: at most one new flow). All frames of a round are sent; the next round
 * begins when each has its outcome and all its pieces are back. So the result does not depend on
 * threads.
 *
 * <p>Thread: everything runs on the loop of the feed; {@link #run} waits on the caller's thread.
 */
public final class Replay {

  /** The most frames of a round. */
  static final int MAX_ROUND_FRAMES = 512;

  /** The most bytes of a round; less than the smallest queue in the gateway. */
  static final int MAX_ROUND_BYTES = 256 * 1024;

  /** A flow that was silent for so long counts as new: the gateway may have forgotten it. */
  static final long NEW_AFTER_NS = 10_000_000_000L;

  /** A round that makes no progress for so long has failed. */
  static final long STALLED_NS = 20_000_000_000L;

  /** Later than every timer, and far from an overflow. */
  private static final long END_OF_TIME_NS = Long.MAX_VALUE / 2;

  /** With a speed, frames of one round are at most so far apart. */
  private static final long PACED_ROUND_NS = 1_000_000L;

  private final LinkFeed feed;
  private final Topology topology;
  private final DistributionTable table;
  private final ReplayPlan plan;
  private final Frames frames;
  private final Results results;
  private final Tally tally;
  private final Consumer<Tally> progress;
  private final int[] clientTags;
  private final int[] serverTags;
  private final boolean oneNewFlow;
  private final FlowBook book = new FlowBook();
  private final LinkLayer linkLayer = new LinkLayer();
  private final PacketHeader header = new PacketHeader();
  private final PacketHeader outHeader = new PacketHeader();
  private final FlowKey key = new FlowKey();
  private final CompletableFuture<Boolean> done = new CompletableFuture<>();

  private final PacketBatch entered =
      new PacketBatch(MAX_ROUND_BYTES + PacketBatch.MAX_PACKET_BYTES);
  private final int[] requestEntry = new int[MAX_ROUND_FRAMES];
  private final int[] pairEntry = new int[MAX_ROUND_FRAMES];
  private final int[] outcomeRow = new int[MAX_ROUND_FRAMES];
  private final int[] piecesMissing = new int[MAX_ROUND_FRAMES];
  private final int[] outTag = new int[MAX_ROUND_FRAMES];
  private final PacketBatch outcomes = new PacketBatch(64 * 1024);
  private int outcomeBytes;
  private final List<PacketBatch> pieces = new ArrayList<>();
  private int pieceBytes;
  private long[] pieceOrder = new long[MAX_ROUND_FRAMES];
  private int pieceCount;
  private int used;
  private int unsettled;
  private int ticksMissing;
  private int round;
  private long lastProgressNs;
  private long startNs;
  private long firstTimeNs;

  /**
   * Prepares a replay.
   *
   * @param feed where the IO modules are connected
   * @param table the table that the gateway works by
   * @param progress called now and then with what was counted so far
   * @throws ReplayException when the output cannot be written or a port is not there
   */
  public Replay(
      LinkFeed feed,
      Topology topology,
      DistributionTable table,
      ReplayPlan plan,
      Consumer<Tally> progress)
      throws ReplayException {
    this.feed = feed;
    this.topology = topology;
    this.table = table;
    this.plan = plan;
    this.progress = progress;
    List<String> ports =
        topology.interfaces().stream().map(LogicalInterface::port).distinct().toList();
    if (ports.size() < 2 && (plan.clientPort() == null || plan.serverPort() == null)) {
      throw new ReplayException(1, "the gateway has " + ports.size() + " port; a replay needs two");
    }
    if (ports.size() > 2 && (plan.clientPort() == null || plan.serverPort() == null)) {
      throw new ReplayException(
          2,
          "the gateway has the ports "
              + ports
              + ": say which two the capture is for with --client-port and --server-port");
    }
    clientTags =
        tags("--client-port", plan.clientPort() == null ? ports.get(0) : plan.clientPort(), ports);
    serverTags =
        tags("--server-port", plan.serverPort() == null ? ports.get(1) : plan.serverPort(), ports);
    this.oneNewFlow = hasSecondStep(table);
    this.tally = new Tally(topology, table);
    this.frames = new Frames(plan.captures());
    this.results = new Results(plan.out(), topology, table, plan.paths(), tally);
    feed.returns(this::cameBack);
  }

  /**
   * Whether flows begin at a worker that another one has chosen. Then two that begin in one round
   * may reach it in either order, and get each other's translated port.
   */
  private static boolean hasSecondStep(DistributionTable table) {
    for (int it = 0; it < table.classNames().size(); it++) {
      if (table.algorithm(it) == Algorithm.LEAST_LOADED) {
        return true;
      }
    }
    return false;
  }

  private int[] tags(String option, String port, List<String> ports) throws ReplayException {
    int[] tags = topology.ofPort(port).stream().mapToInt(LogicalInterface::tag).toArray();
    if (tags.length == 0) {
      throw new ReplayException(
          2, option + " " + port + ": the gateway has no such port; allowed is one of " + ports);
    }
    return tags;
  }

  /** What the replay has counted. */
  public Tally tally() {
    return tally;
  }

  /**
   * Plays everything and writes the files.
   *
   * @return what could not be read of the captures, a sentence each; empty when all was
   * @throws ReplayException when the output cannot be written or the gateway does not answer
   */
  public List<String> run() throws ReplayException {
    long began = System.nanoTime();
    startNs = began;
    feed.execute(() -> guarded(this::next));
    feed.schedule(() -> guarded(this::watch), 1_000_000_000L);
    try {
      done.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ReplayException(3, "the replay was interrupted");
    } catch (ExecutionException e) {
      results.close();
      if (e.getCause() instanceof ReplayException cause) {
        throw cause;
      }
      throw new IllegalStateException(e.getCause());
    } finally {
      frames.close();
      feed.returns((batch, i) -> {});
    }
    results.finish();
    Map<String, Boolean> invariants = new LinkedHashMap<>();
    invariants.put("I2", tally.held() == 0);
    results.summary(invariants, (System.nanoTime() - began) / 1_000_000);
    if (tally.held() != 0) {
      throw new ReplayException(
          3, tally.held() + " frames are neither forwarded nor dropped: the gateway lost them");
    }
    return frames.problems();
  }

  private interface Step {
    void run() throws ReplayException;
  }

  private void guarded(Step step) {
    if (done.isDone()) {
      return;
    }
    try {
      step.run();
    } catch (ReplayException | RuntimeException e) {
      done.completeExceptionally(e);
    }
  }

  /** Gathers a round and sends it, or ends the replay. */
  private void next() throws ReplayException {
    round++;
    used = 0;
    entered.count = 0;
    outcomes.count = 0;
    outcomeBytes = 0;
    pieceCount = 0;
    pieceBytes = 0;
    pieces.forEach(it -> it.count = 0);
    book.makeRoom(4 * MAX_ROUND_FRAMES);
    int newFlowTag = -1;
    long roundTimeNs = 0;
    Frame frame = frames.peek();
    while (frame != null
        && entered.count < MAX_ROUND_FRAMES
        && used + frame.length <= MAX_ROUND_BYTES) {
      if (plan.speed() > 0) {
        if (entered.count == 0 && !due(frame.timeNs)) {
          return;
        }
        roundTimeNs = entered.count == 0 ? frame.timeNs : roundTimeNs;
        if (frame.timeNs - roundTimeNs > PACED_ROUND_NS) {
          break;
        }
      }
      int joined = join(frame, newFlowTag);
      if (joined == CONFLICT) {
        break;
      }
      newFlowTag = Math.max(newFlowTag, joined);
      frames.take();
      frame = frames.peek();
    }
    if (entered.count == 0) {
      if (frame == null) {
        endOfTime();
        return;
      }
      throw new ReplayException(
          1, "frame " + frames.number() + " is longer than " + MAX_ROUND_BYTES + " bytes");
    }
    unsettled = entered.count;
    lastProgressNs = System.nanoTime();
    for (int i = 0; i < entered.count; i++) {
      outcomeRow[i] = -1;
      piecesMissing[i] = 0;
      outTag[i] = -1;
      tally.entered(entered, i);
      if (!feed.send(entered, i)) {
        throw new ReplayException(
            3, "the queue to an IO module is full although a round is smaller");
      }
    }
    feed.flush();
  }

  /**
   * All frames are in: all timers of the gateway run, and the replay ends when all lanes say so.
   */
  private void endOfTime() throws ReplayException {
    int lanes = table.workers().stream().mapToInt(Member::shards).sum();
    lastProgressNs = System.nanoTime();
    for (int module = 0; module < topology.ioNames().size(); module++) {
      List<LogicalInterface> ports = topology.ofModule(ModuleId.io(module));
      if (!ports.isEmpty()) {
        ticksMissing += lanes;
        entered.clearRow(0);
        entered.captureTimeNs[0] = END_OF_TIME_NS;
        entered.flags[0] = PacketFlags.TICK | PacketFlags.REPORT;
        entered.tag[0] = ports.getFirst().tag();
        if (!feed.send(entered, 0)) {
          throw new ReplayException(
              3, "the queue to an IO module is full although nothing is in it");
        }
      }
    }
    feed.flush();
  }

  /** With a speed: whether it is time for a frame; if not, comes back when it is. */
  private boolean due(long timeNs) {
    if (firstTimeNs == 0) {
      firstTimeNs = timeNs;
    }
    long at = startNs + (long) ((timeNs - firstTimeNs) / plan.speed());
    long wait = at - System.nanoTime();
    if (wait <= 0) {
      return true;
    }
    lastProgressNs = System.nanoTime() + wait;
    feed.schedule(() -> guarded(this::next), wait);
    return false;
  }

  private static final int CONFLICT = -2;
  private static final int NOTHING_NEW = -1;

  /**
   * Adds a frame to the round.
   *
   * @param newFlowTag tag by which new flows of this round enter, -1: none yet
   * @return {@link #CONFLICT}: not in this round; {@link #NOTHING_NEW}; or the tag by which a new
   *     flow enters
   */
  private int join(Frame frame, int newFlowTag) {
    int i = entered.count;
    linkLayer.parse(frame);
    int l2Length = linkLayer.ip ? linkLayer.l2Length : frame.length;
    System.arraycopy(frame.bytes, 0, entered.bytes, used, frame.length);
    entered.clearRow(i);
    int flags = PacketFlags.REPORT | (plan.paths() ? PacketFlags.TRACE : 0);
    if (!linkLayer.ip) {
      flags |= PacketFlags.NON_IP | (linkLayer.knownLinkType ? 0 : PacketFlags.UNKNOWN_LINK_TYPE);
    }
    entered.flags[i] = flags;
    entered.number[i] = frames.number();
    entered.captureTimeNs[i] = frame.timeNs;
    entered.linkType[i] = frame.linkType;
    entered.frameLength[i] = frame.wireLength > frame.length ? frame.wireLength : 0;
    entered.l2Offset[i] = used;
    entered.l2Length[i] = l2Length;
    entered.dataOffset[i] = used + l2Length;
    entered.dataLength[i] = frame.length - l2Length;
    requestEntry[i] = -1;
    int tag = clientTags[0];
    int result = NOTHING_NEW;
    header.parse(entered.bytes, used + l2Length, linkLayer.ip ? frame.length - l2Length : 0);
    if (header.hasAddresses) {
      boolean tuple =
          header.hasPorts
              && !header.fragment
              && (header.protocol == PacketHeader.TCP || header.protocol == PacketHeader.UDP);
      int pair = entry(book.find(header, FlowBook.By.ADDRESSES));
      boolean pairRequest = book.fromClient(pair);
      int side = tuple ? entry(book.find(header, FlowBook.By.TUPLE)) : pair;
      boolean server = !book.fromClient(side);
      int replica = Math.floorMod((int) FlowId.of(header), Integer.MAX_VALUE);
      tag =
          server
              ? serverTags[replica % serverTags.length]
              : clientTags[replica % clientTags.length];
      if (book.round(pair) == round && !book.sameWayInRound(pair, server)) {
        return CONFLICT;
      }
      long last = book.lastSeenNs(side);
      boolean mayBegin = oneNewFlow && header.hasPorts && !tuple;
      if (last == 0 || frame.timeNs - last > NEW_AFTER_NS || mayBegin) {
        if (newFlowTag >= 0 && (newFlowTag != tag || oneNewFlow)) {
          return CONFLICT;
        }
        result = tag;
      }
      int request = header.hasPorts && !tuple ? entry(book.find(header, FlowBook.By.TUPLE)) : side;
      if (server) {
        request = book.cameOut(request) || tuple || isEchoReply(header) ? request : pair;
        if (!book.cameOut(request)) {
          tally.notEntered++;
          return NOTHING_NEW;
        }
        if (book.isTranslated(request)) {
          ReplyTranslation.apply(entered.bytes, header, book, request, request != pair);
        }
      } else {
        requestEntry[i] = request;
        pairEntry[i] = pairRequest ? pair : -1;
      }
      book.round(pair, round, server);
      book.seen(side, Math.max(1, frame.timeNs));
    }
    entered.tag[i] = tag;
    entered.ingressTag[i] = tag;
    used += frame.length;
    entered.count++;
    return result;
  }

  /** An echo reply answers the request with its identifier and nothing else. */
  private static boolean isEchoReply(PacketHeader h) {
    return h.hasPorts && !h.fragment && (h.icmpType == 0 || h.icmpType == 129);
  }

  private static int entry(int found) {
    return found < 0 ? ~found : found;
  }

  /** Takes a row that came back. */
  private void cameBack(PacketBatch batch, int r) {
    guarded(() -> took(batch, r));
  }

  private void took(PacketBatch batch, int r) throws ReplayException {
    if ((batch.flags[r] & PacketFlags.TICK) != 0) {
      lastProgressNs = System.nanoTime();
      if (--ticksMissing == 0) {
        done.complete(true);
      }
      return;
    }
    int i = rowOf(batch.number[r]);
    if (i < 0) {
      throw new ReplayException(
          3, "frame " + batch.number[r] + " came back a second time or was never sent");
    }
    lastProgressNs = System.nanoTime();
    if ((batch.flags[r] & PacketFlags.OUTCOME) != 0) {
      keepOutcome(batch, r, i);
    } else {
      keepPiece(batch, r, i);
    }
    if (outcomeRow[i] >= 0 && piecesMissing[i] == 0 && --unsettled == 0) {
      settle();
    }
  }

  /** Returns the row of the round with this number, -1 where there is none. */
  private int rowOf(long number) {
    return Math.max(-1, Arrays.binarySearch(entered.number, 0, entered.count, number));
  }

  private void keepOutcome(PacketBatch batch, int r, int i) throws ReplayException {
    if (outcomeRow[i] >= 0) {
      throw new ReplayException(3, "frame " + batch.number[r] + " has two outcomes");
    }
    int o = outcomes.count++;
    outcomeRow[i] = o;
    outcomes.clearRow(o);
    outcomes.reason[o] = batch.reason[r];
    outcomes.vHigh[o] = batch.vHigh[r];
    outcomes.vLow[o] = batch.vLow[r];
    outcomes.trafficClass[o] = batch.trafficClass[r];
    if ((batch.trafficClass[r] & DistributionTable.PINNED) != 0) {
      assignedKey(i, o);
    }
    int length = batch.traceLength[r];
    outcomes.ensureBytes(outcomeBytes + length);
    System.arraycopy(batch.traceBytes, batch.traceOffset[r], outcomes.bytes, outcomeBytes, length);
    outcomes.traceBytes = outcomes.bytes;
    outcomes.traceOffset[o] = outcomeBytes;
    outcomes.traceLength[o] = length;
    outcomeBytes += length;
    piecesMissing[i] += batch.pieces[r];
  }

  /** A pin is not what the port of entry assigned the frame by: that is computed again. */
  private void assignedKey(int i, int o) {
    header.parse(entered.bytes, entered.dataOffset[i], entered.dataLength[i]);
    table.assign(header, key);
    outcomes.vHigh[o] = key.vHigh;
    outcomes.vLow[o] = key.vLow;
    outcomes.trafficClass[o] = key.trafficClass;
  }

  private void keepPiece(PacketBatch batch, int r, int i) {
    int at = pieceCount++;
    int batchIndex = at / PacketBatch.MAX_PACKETS;
    while (pieces.size() <= batchIndex) {
      pieces.add(new PacketBatch(MAX_ROUND_BYTES));
    }
    if (at % PacketBatch.MAX_PACKETS == 0) {
      pieceBytes = 0;
    }
    PacketBatch to = pieces.get(batchIndex);
    int p = to.count++;
    to.clearRow(p);
    int l2Length = batch.l2Length[r];
    int dataLength = batch.dataLength[r];
    to.ensureBytes(pieceBytes + l2Length + dataLength);
    System.arraycopy(batch.bytes, batch.l2Offset[r], to.bytes, pieceBytes, l2Length);
    System.arraycopy(batch.bytes, batch.dataOffset[r], to.bytes, pieceBytes + l2Length, dataLength);
    to.l2Offset[p] = pieceBytes;
    to.l2Length[p] = l2Length;
    to.dataOffset[p] = pieceBytes + l2Length;
    to.dataLength[p] = dataLength;
    to.number[p] = batch.number[r];
    to.pieces[p] = batch.pieces[r];
    to.tag[p] = batch.tag[r];
    to.captureTimeNs[p] = batch.captureTimeNs[r];
    to.linkType[p] = batch.linkType[r];
    to.frameLength[p] = batch.frameLength[r];
    pieceBytes += l2Length + dataLength;
    if (pieceOrder.length < pieceCount) {
      pieceOrder = Arrays.copyOf(pieceOrder, pieceCount * 2);
    }
    // sorts by frame, then piece, then order of arrival
    pieceOrder[at] = (long) i << 48 | (long) Math.min(batch.pieces[r], 0xffff) << 32 | at;
    piecesMissing[i]--;
  }

  /** A round is back as a whole: writes it and learns from it. */
  private void settle() throws ReplayException {
    Arrays.sort(pieceOrder, 0, pieceCount);
    for (int k = 0; k < pieceCount; k++) {
      int at = (int) pieceOrder[k];
      int i = (int) (pieceOrder[k] >>> 48);
      PacketBatch from = pieces.get(at / PacketBatch.MAX_PACKETS);
      int p = at % PacketBatch.MAX_PACKETS;
      results.left(from, p);
      if (outTag[i] < 0) {
        outTag[i] = from.tag[p];
        learn(i, from, p);
      }
    }
    for (int i = 0; i < entered.count; i++) {
      if (outcomes.reason[outcomeRow[i]] == DropReason.NONE.id() && outTag[i] < 0) {
        throw new ReplayException(3, "frame " + entered.number[i] + " was forwarded in no piece");
      }
      results.became(entered, i, outcomes, outcomeRow[i], outTag[i]);
    }
    progress.accept(tally);
    next();
  }

  /** Remembers how the request in row {@code i} left. */
  private void learn(int i, PacketBatch left, int p) {
    if (requestEntry[i] < 0) {
      return;
    }
    header.parse(entered.bytes, entered.dataOffset[i], entered.dataLength[i]);
    outHeader.parse(left.bytes, left.dataOffset[p], left.dataLength[p]);
    if (outHeader.hasAddresses) {
      book.cameOut(requestEntry[i], header, outHeader);
      if (pairEntry[i] >= 0) {
        book.cameOut(pairEntry[i], header, outHeader);
      }
      tally.flows().saw(header);
      int o = outcomeRow[i];
      List<Hop> hops = Hop.of(outcomes, o);
      if (hops.size() > 1) {
        tally
            .flows()
            .moved(header, outHeader, Results.hex(outcomes.vHigh[o], outcomes.vLow[o]), hops);
      }
    }
  }

  private void watch() throws ReplayException {
    if (System.nanoTime() - lastProgressNs > STALLED_NS) {
      if (unsettled > 0) {
        throw new ReplayException(3, stalled());
      }
      if (ticksMissing > 0) {
        throw new ReplayException(
            3, ticksMissing + " lanes of workers have not said that the end of time has come");
      }
    }
    feed.schedule(() -> guarded(this::watch), 1_000_000_000L);
  }

  private String stalled() {
    StringBuilder numbers = new StringBuilder();
    @Nullable String more = null;
    int named = 0;
    for (int i = 0; i < entered.count; i++) {
      if (outcomeRow[i] < 0 || piecesMissing[i] != 0) {
        if (named++ == 8) {
          more = " and others";
          break;
        }
        numbers.append(numbers.isEmpty() ? "" : ", ").append(entered.number[i]);
      }
    }
    return "the gateway has said nothing of frame "
        + numbers
        + (more == null ? "" : more)
        + " for "
        + STALLED_NS / 1_000_000_000L
        + " s";
  }
}
