package dev.portcullis.worker.stage.dnat;

import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.policy.DestinationNatTable;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.policy.LivePolicy;
import dev.portcullis.worker.stage.NewFlow;
import dev.portcullis.worker.stage.Rewrite;
import dev.portcullis.worker.stage.Stage;
import dev.portcullis.worker.stage.Vector;

/**
 * Gives packets the receiver that they are meant for: of requests by the rules of DNAT, of replies
 * by undoing SNAT.
 */
public final class DnatStage implements Stage {

  private final LivePolicy policy;
  private final Egress egress;
  private final FlowTable flows;

  /** Makes the stage. */
  public DnatStage(LivePolicy policy, Egress egress, FlowTable flows) {
    this.policy = policy;
    this.egress = egress;
    this.flows = flows;
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
    PacketHeader h = v.header[i];
    DestinationNatTable rules = policy.now().destinations();
    int rule = rules.find(egress.zone(v.batch.ingressTag[i]), h);
    if (rule < 0) {
      return;
    }
    NewFlow opening = v.opening;
    IpAddress to = rules.translated(rule);
    int port = rules.translatedPort(rule);
    opening.dnat = true;
    opening.ipChangeDnat =
        Rewrite.ipChange(h.destinationHigh, h.destinationLow, to.high(), to.low());
    opening.transportChangeDnat =
        Rewrite.transportChange(
            h.protocol,
            opening.ipChangeDnat,
            h.destinationPort,
            port < 0 ? h.destinationPort : port);
    Rewrite.destination(
        v.batch.bytes,
        h,
        to.high(),
        to.low(),
        port,
        opening.ipChangeDnat,
        opening.transportChangeDnat);
    v.did[i] |= Vector.DID_DNAT;
  }
}
