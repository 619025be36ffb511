package dev.portcullis.worker.stage.ftp;

import dev.portcullis.core.wire.FtpLine;
import dev.portcullis.worker.flow.Expectations.Expected;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.Tuple;

/**
 * What a line of a control connection announces, as the rest of the gateway needs it: the
 * connection to expect, with the translation of the control connection (as netfilter's
 * nf_nat_follow_master does it), and the address and port that the other side is to read.
 *
 * <p>The client's address and port are those that the server sees, and the other way round: what is
 * expected comes from where the translated line is read. Thread: one shard.
 */
final class FtpAnnouncement {

  private final FlowTable flows;

  /** What is to be expected. */
  final Expected expected = new Expected();

  /** Address and port for the line. */
  long high, low;

  int port;

  FtpAnnouncement(FlowTable flows) {
    this.flows = flows;
  }

  /** Whether a line announces the address of who sent it. */
  boolean isOwn(int flow, FtpLine line, boolean fromServer) {
    if (line.version == 0) {
      return true;
    }
    int own = fromServer ? FlowTable.REVERSE : FlowTable.FORWARD;
    return line.version == version(flow)
        && line.high == flows.get(flow, own)
        && line.low == flows.get(flow, own + 1);
  }

  private int version(int flow) {
    return (int) flows.get(flow, FlowTable.FORWARD + 4) & 0xff;
  }

  /**
   * Works out what a line announces.
   *
   * @param own whether the address is the sender's, and so is translated as the control connection
   */
  void of(int flow, FtpLine line, boolean fromServer, boolean own) {
    int flags = flows.flags(flow);
    // who will open the connection; the tuple with what it sees has its own address first
    int opener = fromServer ? FlowTable.FORWARD : FlowTable.REVERSE;
    int announcer = fromServer ? FlowTable.REVERSE : FlowTable.FORWARD;
    boolean announcerIsTranslated = (flags & (fromServer ? FlowTable.DNAT : FlowTable.SNAT)) != 0;
    boolean openerIsTranslated = (flags & (fromServer ? FlowTable.SNAT : FlowTable.DNAT)) != 0;
    high = own ? flows.get(flow, opener + 2) : line.high;
    low = own ? flows.get(flow, opener + 3) : line.low;
    port = line.port;
    expected.receiver = own && announcerIsTranslated;
    expected.toHigh = flows.get(flow, announcer);
    expected.toLow = flows.get(flow, announcer + 1);
    expected.toPort = line.port;
    expected.sender = openerIsTranslated;
    expected.fromHigh = flows.get(flow, announcer + 2);
    expected.fromLow = flows.get(flow, announcer + 3);
    expected.reversed = !fromServer;
    expected.owner = flow;
    expected.trafficClass = flows.trafficClass(flow);
    expected.vHigh = flows.get(flow, FlowTable.V_HIGH);
    expected.vLow = flows.get(flow, FlowTable.V_LOW);
    expected.lane = flows.lane(flow);
    at(flow, fromServer);
  }

  /** Expects the connection at {@link #high}, {@link #low} and {@link #port}. */
  void at(int flow, boolean fromServer) {
    int opener = fromServer ? FlowTable.FORWARD : FlowTable.REVERSE;
    expected.of(
        version(flow), flows.get(flow, opener), flows.get(flow, opener + 1), high, low, port);
  }

  /** Whether the line is to have another address or port. */
  boolean changes(FtpLine line) {
    return line.port != port || line.version != 0 && (line.high != high || line.low != low);
  }

  /** The port of the server in the word of ports of a control connection: what rules see. */
  static int controlPort(FlowTable flows, int flow) {
    return Tuple.sourcePort(flows.get(flow, FlowTable.REVERSE + 4));
  }
}
