package dev.portcullis.standalone.replay;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.event.FlowId;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.policy.GatewaySpec.Algorithm;
import dev.portcullis.core.topology.LogicalInterface;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.core.wire.QuotedPacket;
import dev.portcullis.io.pcap.Frame;
import dev.portcullis.io.pcap.LinkLayer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Plays captures through a gateway in rounds (ADR 4). A round is a run of consecutive frames in
 * which no pair of addresses speaks in both directions and all new flows enter by one port (under
 * {@code least-loaded}: at most one new flow). All frames of a round are sent; the next round
 * begins when each has its outcome and all its pieces are back. Time passes between rounds: before
 * a frame that is {@link #STEP_NS} or more away from the last step, all lanes are told its time,
 * and what is due by then happens (ADR 44). So the result does not depend on threads.
 *
 * <p>Thread: everything runs on the loop of the feed; {@link #run} waits on the caller's thread.
 */
public final class Replay {

  /** The most frames of a round. */
  static final int MAX_ROUND_FRAMES = 512;

  /** The most bytes of a round; less than the smallest queue in the gateway. */
  static final int MAX_ROUND_BYTES = 256 * 1024;

  /**
   * A step of time. A round lies within less than a step of the last one, before or after it: twice
   * that is less than a translated tuple rests between two senders.
   */
  static final long STEP_NS = 10_000_000_000L;

  /** A flow that was silent for so long counts as new: the gateway may have forgotten it. */
  static final long NEW_AFTER_NS = 10_000_000_000L;

  /** A round that makes no progress for so long has failed. */
  static final long STALLED_NS = 20_000_000_000L;

  /** How long an incident may take. */
  private static final long INCIDENT_NS = 60_000_000_000L;

  /** Events that workers keep are asked for after so many frames. */
  private static final int FRAMES_A_TICK = 4096;

  /** The most bytes of events that all lanes of all workers send at a time. */
  private static final int EVENT_BYTES = 1 << 20;

  /** Later than every timer, and far from an overflow. */
  private static final long END_OF_TIME_NS = Long.MAX_VALUE / 2;

  /** With a speed, frames of one round are at most so far apart. */
  private static final long PACED_ROUND_NS = 1_000_000L;

  private final LinkFeed feed;
  private final Topology topology;
  private DistributionTable table;
  private final Incident.Gateway gateway;
  private final ReplayPlan plan;
  private final Frames frames;
  private final Results results;
  private final Tally tally;
  private final Consumer<Tally> progress;
  private final int[] clientTags;
  private final int[] serverTags;
  private final boolean oneNewFlow;
  private final FlowBook book = new FlowBook();
  private final Announced announced = new Announced();
  private final LinkLayer linkLayer = new LinkLayer();
  private final PacketHeader header = new PacketHeader();
  private final PacketHeader outHeader = new PacketHeader();
  private final QuotedPacket quote = new QuotedPacket();
  private final FlowKey key = new FlowKey();
  private final CompletableFuture<Boolean> done = new CompletableFuture<>();

  private final PacketBatch entered =
      new PacketBatch(MAX_ROUND_BYTES + PacketBatch.MAX_PACKET_BYTES);
  private final int[] requestEntry = new int[MAX_ROUND_FRAMES];
  private final int[] pairEntry = new int[MAX_ROUND_FRAMES];
  private final int[] outcomeRow = new int[MAX_ROUND_FRAMES];
  private final boolean[] heard = new boolean[MAX_ROUND_FRAMES];
  private final int[] firstPiece = new int[MAX_ROUND_FRAMES];
  private final PacketBatch outcomes = new PacketBatch(64 * 1024);
  private int outcomeBytes;
  private final List<PacketBatch> pieces = new ArrayList<>();
  private int pieceBytes;
  private long[] pieceOrder = new long[MAX_ROUND_FRAMES];
  private int pieceCount;
  private int used;
  private int unheard;
  private int lateMissing;
  private int piecesMissing;
  private int ticksMissing;
  private boolean open;
  private boolean ending;
  private final TreeMap<Long, HeldFrame> held = new TreeMap<>();
  private final PacketBatch heldEntered = new PacketBatch(0);
  private final PacketBatch heldOutcome = new PacketBatch(0);
  private boolean ticking;
  private boolean moreEvents;
  private long tickTimeNs;
  private long steppedNs;
  private int framesSinceEvents;
  private int befell;
  private int round;
  private long lastProgressNs;
  private long startNs;
  private long firstTimeNs;

  /**
   * Prepares a replay.
   *
   * @param feed where the IO modules are connected
   * @param table the table that the gateway works by
   * @param gateway whose workers change, where the plan says so
   * @param progress called now and then with what was counted so far
   * @throws ReplayException when the output cannot be written or a port is not there
   */
  public Replay(
      LinkFeed feed,
      Topology topology,
      DistributionTable table,
      ReplayPlan plan,
      Incident.Gateway gateway,
      Consumer<Tally> progress)
      throws ReplayException {
    this.feed = feed;
    this.topology = topology;
    this.table = table;
    this.plan = plan;
    this.gateway = gateway;
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
    this.frames = new Frames(plan.captures(), plan.frames());
    this.results = new Results(plan, topology, table, tally);
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
    clear();
    if (book.makeRoom(5 * MAX_ROUND_FRAMES)) {
      announced.forget();
    }
    int newFlowTag = -1;
    long roundTimeNs = 0;
    Frame frame = frames.peek();
    if (frame != null && round == 1) {
      steppedNs = frame.timeNs;
    }
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
      if (isIncident() && entered.count == 0) {
        befall();
        return;
      }
      if (isIncident()) {
        break;
      }
      if (isStep(frame) && entered.count == 0) {
        steppedNs = frame.timeNs;
        tick(frame.timeNs);
        return;
      }
      if (isStep(frame)) {
        break;
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
        tick(END_OF_TIME_NS);
        return;
      }
      throw new ReplayException(
          1, "frame " + frames.number() + " is longer than " + MAX_ROUND_BYTES + " bytes");
    }
    unheard = entered.count;
    open = true;
    lastProgressNs = System.nanoTime();
    for (int i = 0; i < entered.count; i++) {
      outcomeRow[i] = -1;
      heard[i] = false;
      firstPiece[i] = -1;
      tally.entered(entered, i);
      if (!feed.send(entered, i)) {
        throw new ReplayException(
            3, "the queue to an IO module is full although a round is smaller");
      }
    }
    feed.flush();
  }

  private boolean isIncident() {
    return befell < plan.incidents().size()
        && plan.incidents().get(befell).packet() <= frames.number();
  }

  /** Something befalls the workers; the next round begins when all modules have followed. */
  private void befall() {
    Incident incident = plan.incidents().get(befell++);
    lastProgressNs = System.nanoTime() + INCIDENT_NS;
    CompletableFuture.runAsync(
        () -> {
          try {
            Incident.Event event = gateway.befall(incident);
            feed.execute(
                () ->
                    guarded(
                        () -> {
                          table = event.table();
                          results.befell(event);
                          lastProgressNs = System.nanoTime();
                          next();
                        }));
          } catch (ReplayException e) {
            done.completeExceptionally(e);
          }
        });
  }

  private boolean isStep(Frame frame) {
    return Math.abs(frame.timeNs - steppedNs) >= STEP_NS;
  }

  /** Forgets the frames of the last round and what has come back of it. */
  private void clear() {
    used = 0;
    entered.count = 0;
    outcomes.count = 0;
    outcomeBytes = 0;
    pieceCount = 0;
    pieceBytes = 0;
    pieces.forEach(it -> it.count = 0);
  }

  /**
   * Asks all lanes for the events that they keep; where time passes, what is due by then happens as
   * well. The replay goes on, or ends, when every lane has said that it has no more.
   *
   * @param timeNs time of the next frame; {@link #END_OF_TIME_NS}; or 0: no time passes
   */
  private void tick(long timeNs) throws ReplayException {
    tickTimeNs = timeNs;
    moreEvents = false;
    framesSinceEvents = 0;
    ticking = true;
    ending = timeNs == END_OF_TIME_NS;
    open = timeNs != 0;
    clear();
    int lanes = table.workers().stream().mapToInt(Member::shards).sum();
    int budget = Math.max(4096, EVENT_BYTES / (lanes * topology.ioNames().size()));
    lastProgressNs = System.nanoTime();
    for (int module = 0; module < topology.ioNames().size(); module++) {
      List<LogicalInterface> ports = topology.ofModule(ModuleId.io(module));
      if (!ports.isEmpty()) {
        ticksMissing += lanes;
        entered.clearRow(0);
        entered.captureTimeNs[0] = timeNs;
        entered.number[0] = ending ? 0 : frames.number() - 1;
        entered.flags[0] = PacketFlags.TICK | PacketFlags.REPORT | PacketFlags.EVENTS;
        entered.frameLength[0] = budget;
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
    int flags = PacketFlags.REPORT | PacketFlags.EVENTS | (plan.paths() ? PacketFlags.TRACE : 0);
    if (plan.witness() != Witness.NONE) {
      flags |= PacketFlags.EXPLAIN;
    }
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
      boolean error = isErrorAboutFlow();
      PacketHeader h = error ? quote.reply : header;
      boolean tuple = isTuple(h);
      int pair = entry(book.find(h, FlowBook.By.ADDRESSES));
      boolean pairRequest = book.fromClient(pair);
      int side = tuple ? entry(book.find(h, FlowBook.By.TUPLE)) : pair;
      if (tuple && !error && h.protocol == PacketHeader.TCP) {
        announced.open(book, h, side);
      }
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
      if (!server && !error && (result != NOTHING_NEW || !tuple)) {
        boolean ports = h.hasPorts && !h.fragment;
        if (book.isWishedByOther(h, ports, side, round)) {
          return CONFLICT;
        }
      }
      int request = h.hasPorts && !tuple ? entry(book.find(h, FlowBook.By.TUPLE)) : side;
      if (server) {
        request = book.cameOut(request) || tuple || isEchoReply(h) ? request : pair;
        request = header.fragment ? ofDatagram(request) : request;
        if (!book.cameOut(request)) {
          tally.notEntered++;
          plan.witness().notEntered(frames.number());
          return NOTHING_NEW;
        }
        announced.acknowledge(request, entered.bytes, header);
        if (book.isTranslated(request) && error) {
          ReplyTranslation.applyToError(
              entered.bytes, header, quote, book, request, request != pair);
        } else if (book.isTranslated(request)) {
          ReplyTranslation.apply(entered.bytes, header, book, request, request != pair);
        }
      } else if (!error) {
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

  /** An ICMP error goes the way of a reply to what it quotes, if that was played. */
  private boolean isErrorAboutFlow() {
    return QuotedPacket.isError(header)
        && quote.parse(entered.bytes, header)
        && book.knows(
            quote.reply, isTuple(quote.reply) ? FlowBook.By.TUPLE : FlowBook.By.ADDRESSES);
  }

  private static boolean isTuple(PacketHeader h) {
    return h.hasPorts
        && !h.fragment
        && (h.protocol == PacketHeader.TCP || h.protocol == PacketHeader.UDP);
  }

  /** Fragments of a reply are translated alike: as the first one, whose ports tell its flow. */
  private int ofDatagram(int request) {
    if (header.fragmentOffset == 0) {
      book.firstFragment(header, request);
      return request;
    }
    int known = book.laterFragment(header);
    return known < 0 ? request : known;
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
    if ((batch.flags[r] & (PacketFlags.EVENT | PacketFlags.OUTCOME)) == PacketFlags.EVENT) {
      results.event(batch, r);
      return;
    }
    lastProgressNs = System.nanoTime();
    int flags = batch.flags[r];
    if ((flags & PacketFlags.TICK) != 0) {
      ticksMissing--;
      lateMissing += batch.frameLength[r];
      moreEvents |= batch.pieces[r] != 0;
      if (batch.vLow[r] != 0) {
        throw new ReplayException(
            3,
            "a worker had no room for " + batch.vLow[r] + " events of one stretch of the capture");
      }
    } else if ((flags & PacketFlags.OUTCOME) != 0) {
      boolean late = (flags & (PacketFlags.WAS_HELD | PacketFlags.HELD)) == PacketFlags.WAS_HELD;
      lateMissing += batch.frameLength[r] - (late ? 1 : 0);
      piecesMissing += batch.pieces[r];
      outcome(batch, r);
    } else {
      keepPiece(batch, r);
      piecesMissing--;
    }
    if (unheard == 0 && lateMissing == 0 && piecesMissing == 0 && ticksMissing == 0) {
      if (open) {
        settle();
      } else if (ticking) {
        ticked();
      }
    }
  }

  /**
   * The outcome of a frame of this round; or the last one of a frame that was held when an earlier
   * round settled. That a frame is held may be said more than once.
   */
  private void outcome(PacketBatch batch, int r) throws ReplayException {
    long number = batch.number[r];
    int i = rowOf(number);
    boolean isHeld = (batch.flags[r] & PacketFlags.HELD) != 0;
    if (i >= 0) {
      if (!heard[i]) {
        heard[i] = true;
        unheard--;
      }
      if (!isHeld) {
        keepOutcome(batch, r, i);
      }
    } else if (!isHeld) {
      HeldFrame frame = held.get(number);
      if (frame == null || frame.known) {
        throw new ReplayException(3, "frame " + number + " came back a second time");
      }
      frame.became(batch, r, carrier(batch, r));
    }
  }

  /** Returns the number of the frame that row {@code r} was joined into, 0: none. */
  private static long carrier(PacketBatch batch, int r) {
    return (batch.flags[r] & PacketFlags.JOINED) != 0
        ? PacketHeader.u64(batch.bytes, batch.dataOffset[r])
        : 0;
  }

  /** Every lane has answered a tick, and all that it caused is back. */
  private void ticked() throws ReplayException {
    ticking = false;
    if (moreEvents) {
      tick(tickTimeNs);
      return;
    }
    results.eventsComplete();
    if (ending) {
      done.complete(true);
    } else {
      next();
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
    outcomes.number[o] = carrier(batch, r);
    outcomes.flags[o] = batch.flags[r];
    outcomes.reason[o] = batch.reason[r];
    outcomes.vHigh[o] = batch.vHigh[r];
    outcomes.vLow[o] = batch.vLow[r];
    outcomes.trafficClass[o] = batch.trafficClass[r];
    int length = batch.traceLength[r];
    outcomes.ensureBytes(outcomeBytes + length);
    System.arraycopy(batch.traceBytes, batch.traceOffset[r], outcomes.bytes, outcomeBytes, length);
    outcomes.traceBytes = outcomes.bytes;
    outcomes.traceOffset[o] = outcomeBytes;
    outcomes.traceLength[o] = length;
    outcomeBytes += length;
  }

  private void keepPiece(PacketBatch batch, int r) throws ReplayException {
    if (rowOf(batch.number[r]) < 0 && !held.containsKey(batch.number[r])) {
      throw new ReplayException(
          3, "frame " + batch.number[r] + " came back a second time or was never sent");
    }
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
    to.flags[p] = batch.flags[r] & PacketFlags.ORIGINATED;
    to.pieces[p] = batch.pieces[r];
    to.tag[p] = batch.tag[r];
    to.captureTimeNs[p] = batch.captureTimeNs[r];
    to.linkType[p] = batch.linkType[r];
    to.frameLength[p] = batch.frameLength[r];
    pieceBytes += l2Length + dataLength;
  }

  /**
   * A round is back as a whole, with what it caused of earlier ones: writes it and learns from it.
   */
  private void settle() throws ReplayException {
    open = false;
    for (int i = 0; i < entered.count; i++) {
      if (outcomeRow[i] < 0) {
        results.waits(entered.number[i]);
      }
    }
    writePieces();
    List<HeldFrame> known = held.values().stream().filter(it -> it.known).toList();
    for (HeldFrame it : known) {
      it.entered(heldEntered);
      it.outcome(heldOutcome);
      boolean forgotten = it.bookState != book.forgotten();
      became(
          heldEntered,
          0,
          heldOutcome,
          0,
          it.carrier,
          it.firstPiece,
          forgotten ? -1 : it.requestEntry,
          forgotten ? -1 : it.pairEntry);
      held.remove(it.number);
      results.known(it.number);
    }
    for (int i = 0; i < entered.count; i++) {
      int o = outcomeRow[i];
      if (o >= 0) {
        long carrier = outcomes.number[o];
        became(entered, i, outcomes, o, carrier, firstPiece[i], requestEntry[i], pairEntry[i]);
      } else {
        HeldFrame it = new HeldFrame(entered, i, requestEntry[i], pairEntry[i], book.forgotten());
        held.put(it.number, it);
      }
    }
    results.drain();
    progress.accept(tally);
    framesSinceEvents += entered.count;
    if (ticking) {
      ticked();
    } else if (framesSinceEvents >= FRAMES_A_TICK) {
      tick(0);
    } else {
      next();
    }
  }

  /** Writes the pieces in order of frame, piece and arrival. */
  private void writePieces() throws ReplayException {
    long[] numbers = new long[pieceCount];
    for (int at = 0; at < pieceCount; at++) {
      numbers[at] = pieces.get(at / PacketBatch.MAX_PACKETS).number[at % PacketBatch.MAX_PACKETS];
    }
    long[] sorted = numbers.clone();
    Arrays.sort(sorted);
    if (pieceOrder.length < pieceCount) {
      pieceOrder = new long[pieceCount * 2];
    }
    for (int at = 0; at < pieceCount; at++) {
      PacketBatch from = pieces.get(at / PacketBatch.MAX_PACKETS);
      long piece = Math.min(from.pieces[at % PacketBatch.MAX_PACKETS], 0xfff);
      long rank = Arrays.binarySearch(sorted, numbers[at]);
      while (rank > 0 && sorted[(int) rank - 1] == numbers[at]) {
        rank--;
      }
      pieceOrder[at] = rank << 36 | piece << 24 | at;
    }
    Arrays.sort(pieceOrder, 0, pieceCount);
    for (int k = 0; k < pieceCount; k++) {
      int at = (int) pieceOrder[k] & 0xff_ffff;
      PacketBatch from = pieces.get(at / PacketBatch.MAX_PACKETS);
      int p = at % PacketBatch.MAX_PACKETS;
      results.left(from, p);
      if ((from.flags[p] & PacketFlags.ORIGINATED) != 0) {
        tally.originated++;
        continue;
      }
      int i = rowOf(numbers[at]);
      HeldFrame frame = i < 0 ? held.get(numbers[at]) : null;
      if (i >= 0 && firstPiece[i] < 0) {
        firstPiece[i] = at;
      } else if (frame != null && frame.firstPiece < 0) {
        frame.firstPiece = at;
      }
    }
  }

  /**
   * It is known what became of a frame: of one that was joined into another, what became of that
   * one.
   */
  private void became(
      PacketBatch frames,
      int i,
      PacketBatch outcome,
      int o,
      long carrier,
      int piece,
      int request,
      int pair)
      throws ReplayException {
    int left = piece;
    if (carrier != 0) {
      int c = rowOf(carrier);
      if (c < 0 || outcomeRow[c] < 0) {
        throw new ReplayException(
            3, "frame " + frames.number[i] + " is part of " + carrier + ", which is not known");
      }
      outcome.reason[o] = outcomes.reason[outcomeRow[c]];
      left = firstPiece[c];
    }
    if (outcome.reason[o] == DropReason.NONE.id() && left < 0) {
      throw new ReplayException(3, "frame " + frames.number[i] + " was forwarded in no piece");
    }
    boolean ip = (frames.flags[i] & PacketFlags.NON_IP) == 0;
    header.parse(frames.bytes, frames.dataOffset[i], ip ? frames.dataLength[i] : 0);
    // by what the port of entry assigned it: who has a whole datagram no longer knows it of its
    // fragments, and pinned and announced flows live, and are recorded, under other keys
    table.assign(header, key);
    outcome.trafficClass[o] = key.trafficClass;
    outcome.vHigh[o] = key.vHigh;
    outcome.vLow[o] = key.vLow;
    int outTag = -1;
    if (left >= 0) {
      PacketBatch from = pieces.get(left / PacketBatch.MAX_PACKETS);
      int p = left % PacketBatch.MAX_PACKETS;
      outTag = from.tag[p];
      learn(frames, outcome, o, from, p, request, pair);
    }
    results.became(frames, i, outcome, o, outTag);
  }

  /** Remembers how the request that {@link #header} describes left. */
  private void learn(
      PacketBatch frames,
      PacketBatch outcome,
      int o,
      PacketBatch left,
      int p,
      int request,
      int pair) {
    if (request < 0) {
      return;
    }
    outHeader.parse(left.bytes, left.dataOffset[p], left.dataLength[p]);
    if (outHeader.hasAddresses) {
      book.cameOut(request, header, outHeader);
      if (pair >= 0) {
        book.cameOut(pair, header, outHeader);
      }
      announced.learn(request, frames.bytes, header, left.bytes, outHeader);
      tally.flows().saw(header);
      List<Hop> hops = Hop.of(outcome, o);
      if (hops.size() > 1) {
        tally
            .flows()
            .moved(header, outHeader, Results.hex(outcome.vHigh[o], outcome.vLow[o]), hops);
      }
    }
  }

  private void watch() throws ReplayException {
    if (System.nanoTime() - lastProgressNs > STALLED_NS) {
      if (unheard > 0 || !ticking && (lateMissing != 0 || piecesMissing != 0)) {
        throw new ReplayException(3, stalled());
      }
      if (ticking) {
        throw new ReplayException(
            3,
            ticksMissing
                + " lanes of workers have not said what they still had to say, "
                + lateMissing
                + " frames are missing that they held");
      }
    }
    feed.schedule(() -> guarded(this::watch), 1_000_000_000L);
  }

  private String stalled() {
    StringBuilder numbers = new StringBuilder();
    @Nullable String more = null;
    int named = 0;
    for (int i = 0; i < entered.count; i++) {
      if (!heard[i] || unheard == 0) {
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
