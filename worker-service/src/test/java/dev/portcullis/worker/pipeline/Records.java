package dev.portcullis.worker.pipeline;

import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.policy.ConfigLoader;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.FlowState;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.policy.Egress;
import java.util.Objects;

/** A flow, its record, and what reads it. */
final class Records {

  private static final GatewayConfig CONFIG =
      Objects.requireNonNull(
          ConfigLoader.parse(
                  "g",
                  """
                  apiVersion: portcullis.dev/v1alpha1
                  kind: PacketGateway
                  metadata: {name: g}
                  spec:
                    io: [{name: io-a, ports: [{name: lan, zone: lan}, {name: wan, zone: wan}]}]
                    inline: [{name: bump, ports: [lan, wan]}]
                  """)
              .config());

  private static final Egress EGRESS = new Egress(CONFIG.gateway(), Topology.of(CONFIG.gateway()));

  private Records() {}

  static Egress egress() {
    return EGRESS;
  }

  static FlowTable table() {
    return new FlowTable(CONFIG.gateway().timeouts(), CONFIG.gateway().limits());
  }

  /** Opens a translated TCP connection with something in every word. */
  static int open(FlowTable flows) {
    Tuple forward = new Tuple();
    Tuple reverse = new Tuple();
    forward.set(0, 0x0a000001, 0, 0x0a000002, Tuple.ports(4, PacketHeader.TCP, true, 4000, 8081));
    reverse.set(0, 0x0a000002, 0, 0x0a000003, Tuple.ports(4, PacketHeader.TCP, true, 8081, 5000));
    int flow = flows.insert(forward, reverse, 3, FlowState.TCP_ESTABLISHED, 7);
    flows.classAndRule(flow, 2, 4);
    flows.addFlags(flow, FlowTable.ROUTED | FlowTable.SNAT | FlowTable.FIN_FORWARD);
    for (int word : new int[] {FlowTable.CHANGES, FlowTable.PACKETS, FlowTable.BYTES, 21, 25, 26}) {
      flows.set(flow, word, 1000 + word);
    }
    flows.set(flow, FlowTable.TAGS, 1);
    flows.set(flow, FlowTable.NEXT_HOP, 99);
    flows.set(flow, FlowTable.LOOK, 98);
    return flow;
  }

  /** The record of the only flow, as a row of a batch. */
  static PacketBatch record(FlowTable flows, int flow) {
    FlowKey key = new FlowKey();
    key.set(5, 6, 7);
    PacketBatch cause = new PacketBatch(0);
    cause.captureTimeNs[0] = 42;
    return new FlowRecord().write(flows, flow, key, "allow-web", 9, cause, 0);
  }

  /** Reads a row; whatever it is, nothing breaks: what is taken becomes a flow and ends as one. */
  static boolean survives(PacketBatch batch) {
    FlowRecord record = new FlowRecord();
    if (!record.read(batch, 0, EGRESS)) {
      return false;
    }
    FlowRecord.ruleName(batch, 0);
    FlowTable flows = table();
    flows.install(record.words, record.lane(), 42);
    if (flows.install(record.words, record.lane(), 43) < 0 || flows.size() + flows.shadows() != 1) {
      throw new AssertionError(flows.size() + " flows");
    }
    flows.tick(Long.MAX_VALUE / 2, Integer.MAX_VALUE);
    if (flows.size() + flows.shadows() != 0 || flows.translated() != 0) {
      throw new AssertionError("something is left");
    }
    return true;
  }
}
