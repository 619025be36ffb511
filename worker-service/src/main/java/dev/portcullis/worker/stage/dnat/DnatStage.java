package dev.portcullis.worker.stage.dnat;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.Expectations.Expected;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.NatMappings;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.policy.AddressTranslations;
import dev.portcullis.worker.policy.DestinationNatTable;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.policy.LivePolicy;
import dev.portcullis.worker.stage.NewFlow;
import dev.portcullis.worker.stage.Rewrite;
import dev.portcullis.worker.stage.Stage;
import dev.portcullis.worker.stage.StageName;
import dev.portcullis.worker.stage.Vector;

/**
 * Gives packets the receiver that they are meant for: of requests by the mapping that takes them
 * in, the rules of DNAT, or the translations of whole addresses; of replies by undoing SNAT.
 */
public final class DnatStage implements Stage {

  private final LivePolicy policy;
  private final Egress egress;
  private final FlowTable flows;
  private final NatMappings mappings;
  private final Tuple inner = new Tuple();

  /** Makes the stage. */
  public DnatStage(LivePolicy policy, Egress egress, FlowTable flows, NatMappings mappings) {
    this.policy = policy;
    this.egress = egress;
    this.flows = flows;
    this.mappings = mappings;
  }

  @Override
  public void process(Vector v) {
    for (int i = v.from; i < v.to; i++) {
      v.current = i;
      if (v.kind[i] == Vector.KNOWN) {
        known(v, i);
      } else if (v.kind[i] == Vector.OPENING) {
        opening(v, i);
      }
    }
  }

  private void known(Vector v, int i) {
    int flow = v.flow[i] >>> 1;
    boolean reply = (v.flow[i] & 1) != 0;
    if ((flows.flags(flow) & (reply ? FlowTable.SNAT : FlowTable.DNAT)) == 0) {
      return;
    }
    PacketHeader h = v.header[i];
    int tuple = reply ? FlowTable.FORWARD : FlowTable.REVERSE;
    long ports = flows.get(flow, tuple + 4);
    long changes = flows.get(flow, FlowTable.CHANGES);
    int ip = (int) (reply ? changes >>> 32 : changes) & 0xffff;
    int transport = (int) (reply ? changes >>> 48 : changes >>> 16) & 0xffff;
    Rewrite.destination(
        v.batch.bytes,
        h,
        flows.get(flow, tuple),
        flows.get(flow, tuple + 1),
        Tuple.hasPorts(ports) && (reply || !h.isEcho()) ? Tuple.sourcePort(ports) : -1,
        reply ? Checksum.undone(ip) : ip,
        reply ? Checksum.undone(transport) : transport);
    v.did[i] |= Vector.DID_DNAT;
  }

  private void opening(Vector v, int i) {
    if (v.opening.isExpected) {
      Expected it = v.opening.expected;
      if (it.receiver) {
        translate(v, i, it.toHigh, it.toLow, it.toPort);
      }
      return;
    }
    PacketHeader h = v.header[i];
    int zone = egress.zone(v.batch.ingressTag[i]);
    if (v.opening.mapping >= 0) {
      mappings.inner(v.opening.mapping, inner);
      translate(v, i, inner.sourceHigh, inner.sourceLow, Tuple.sourcePort(inner.ports));
      return;
    }
    DestinationNatTable rules = policy.now().destinations();
    int rule = rules.find(zone, h);
    IpAddress to = policy.now().receiver(rule, v.batch.ingressTag[i], h, v.batch.vLow[i]);
    if (to == AddressTranslations.NO_COUNTERPART) {
      v.drop(i, StageName.DNAT, DropReason.NAT_UNTRANSLATABLE);
    } else if (to != null) {
      v.opening.outerTag =
          egress.find(
              v.batch.ingressTag[i],
              h.version,
              h.destinationHigh,
              h.destinationLow,
              v.batch.vLow[i]);
      translate(v, i, to.high(), to.low(), rule < 0 ? -1 : rules.translatedPort(rule));
    }
  }

  private static void translate(Vector v, int i, long high, long low, int port) {
    PacketHeader h = v.header[i];
    NewFlow opening = v.opening;
    opening.dnat = true;
    opening.ipChangeDnat = Rewrite.ipChange(h.destinationHigh, h.destinationLow, high, low);
    opening.transportChangeDnat =
        Rewrite.transportChange(
            h.protocol,
            opening.ipChangeDnat,
            h.destinationPort,
            port < 0 ? h.destinationPort : port);
    Rewrite.destination(
        v.batch.bytes, h, high, low, port, opening.ipChangeDnat, opening.transportChangeDnat);
    v.did[i] |= Vector.DID_DNAT;
  }
}
