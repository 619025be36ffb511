package dev.portcullis.standalone.simulate;

import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** Hosts that open flows, send, answer and close. */
final class Traffic {

  private final Simulation gateway;
  private final SplittableRandom random;
  private final Keyed<Flow> flows = new Keyed<>();
  private long lastFlow;
  private long lastPacket;
  private long over;
  private boolean stopped;

  Traffic(Simulation gateway, SplittableRandom random) {
    this.gateway = gateway;
    this.random = random;
  }

  /** Opens as many flows as the plan wants at a time. */
  void start() {
    for (int i = 0; i < gateway.plan().flows(); i++) {
      gateway.clock().after(gap(), null, this::begin);
    }
  }

  /** No flow is opened any more; those that are open end. */
  void stop() {
    stopped = true;
  }

  /**
   * State of a flow is lost: its packets are dropped from now on, and it ends.
   *
   * @return false when that was so before, or it is over
   */
  boolean lose(long id) {
    Flow flow = flows.get(id);
    if (flow == null || flow.lost) {
      return false;
    }
    flow.broken = true;
    flow.lost = true;
    return true;
  }

  /** Returns a flow, null when it is over. */
  @Nullable Flow flow(long id) {
    return flows.get(id);
  }

  boolean isOver(long flow) {
    return !flows.has(flow);
  }

  /** Number of flows that are over. */
  long over() {
    return over;
  }

  /** Number of flows that are not over. */
  int open() {
    return flows.size();
  }

  private long gap() {
    return 1 + random.nextLong(2 * gateway.plan().gapNs());
  }

  private void begin() {
    if (stopped) {
      return;
    }
    List<ToyIoShard> ports = gateway.ports();
    if (ports.size() < 2) {
      gateway.clock().after(gap(), null, this::begin);
      return;
    }
    int client = random.nextInt(ports.size());
    int server = (client + 1 + random.nextInt(ports.size() - 1)) % ports.size();
    Flow flow = new Flow(++lastFlow, ports.get(client), ports.get(server), 3 + random.nextInt(30));
    flows.put(flow.id, flow);
    request(flow);
  }

  private void request(Flow flow) {
    if (flow.broken || flow.client.ended() || flow.server.ended()) {
      flow.broken = true;
      end(flow);
      return;
    }
    flow.sentRequests++;
    Packet.Kind kind =
        flow.sentRequests == 1
            ? Packet.Kind.OPEN
            : flow.sentRequests == flow.requests ? Packet.Kind.CLOSE : Packet.Kind.DATA;
    Packet packet = new Packet(++lastPacket, flow, false, flow.sentRequests, kind);
    flow.coming[0]++;
    gateway
        .clock()
        .at(
            gateway.clock().nowNs(),
            flow.client,
            () -> {
              flow.coming[0]--;
              flow.client.receive(packet);
            });
    if (kind != Packet.Kind.CLOSE) {
      // bursts: many follow at once
      gateway
          .clock()
          .after(
              random.nextInt(3) == 0 ? random.nextLong(200_000) : gap(), null, () -> request(flow));
    } else {
      end(flow);
    }
  }

  /** Looks now and then whether a flow is over, and opens the next. */
  private void end(Flow flow) {
    if (flow.over()) {
      flows.remove(flow.id);
      over++;
      begin();
    } else {
      gateway.clock().after(20 * gap(), null, () -> end(flow));
    }
  }

  /** A packet has reached a host. */
  void delivered(Packet packet, ToyIoShard port) {
    Flow flow = packet.flow;
    if (port != packet.port()) {
      throw new Violation("I6", packet + " left by " + port + ", not " + packet.port());
    }
    if (packet.reply || packet.kind == Packet.Kind.DATA && random.nextInt(10) < 3) {
      return;
    }
    flow.coming[1]++;
    flow.nextReplyNs =
        Math.max(flow.nextReplyNs + 1, gateway.clock().nowNs() + random.nextLong(2 * Clockwork.MS));
    gateway.clock().at(flow.nextReplyNs, port, () -> reply(flow, packet.kind));
  }

  private void reply(Flow flow, Packet.Kind kind) {
    flow.coming[1]--;
    Packet packet = new Packet(++lastPacket, flow, true, ++flow.sentReplies, kind);
    flow.server.receive(packet);
  }
}
