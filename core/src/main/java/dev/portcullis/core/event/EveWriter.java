package dev.portcullis.core.event;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.wire.PacketHeader;

/**
 * Writes events with the names, the shapes and the order of fields of Suricata 7's EVE output. The
 * caller adds {@code metadata}, which has our own fields, and ends the line. One thread.
 */
public final class EveWriter {

  /** The line that is written. */
  public final EveLine line = new EveLine();

  /** The packet or flow that the next {@link #header} is about. */
  public final EventTuple tuple = new EventTuple();

  /** Makes a writer with a buffer of its own. */
  public EveWriter() {}

  /**
   * Begins an event with what all have in common.
   *
   * @param timeNs capture time
   * @param flowId negative: none
   * @param inIface port of entry
   * @param type {@code event_type}
   * @param pcapCnt number of the frame, 0: none
   */
  public EveLine header(long timeNs, long flowId, String inIface, String type, long pcapCnt) {
    line.clear().open('{').key("timestamp").time(timeNs);
    if (flowId >= 0) {
      line.key("flow_id").value(flowId);
    }
    line.key("in_iface").value(inIface).key("event_type").value(type);
    if (pcapCnt > 0) {
      line.key("pcap_cnt").value(pcapCnt);
    }
    if (tuple.version != 0) {
      addresses(tuple);
      line.key("proto").value(ProtocolName.of(tuple.protocol));
      if (tuple.icmpType >= 0) {
        line.key("icmp_type").value(tuple.icmpType).key("icmp_code").value(tuple.icmpCode);
      }
    }
    return line;
  }

  /** Writes both ends of a tuple. */
  public void addresses(EventTuple t) {
    line.key("src_ip").address(t.version, t.sourceHigh, t.sourceLow);
    if (t.hasPorts) {
      line.key("src_port").value(t.sourcePort);
    }
    line.key("dest_ip").address(t.version, t.destinationHigh, t.destinationLow);
    if (t.hasPorts) {
      line.key("dest_port").value(t.destinationPort);
    }
  }

  /**
   * Writes the object {@code drop}.
   *
   * @param h headers of the packet; without addresses where they cannot be read
   * @param dataLength bytes of the packet
   */
  public void drop(byte[] bytes, PacketHeader h, int dataLength, String reason) {
    line.key("drop").open('{');
    int at = h.offset;
    if (!h.hasAddresses) {
      line.key("len").value(dataLength);
    } else if (h.version == 4) {
      line.key("len").value(PacketHeader.u16(bytes, at + 2));
      line.key("tos").value(bytes[at + 1] & 0xff);
      line.key("ttl").value(bytes[at + 8] & 0xff);
      line.key("ipid").value(PacketHeader.u16(bytes, at + 4));
    } else {
      line.key("len").value(PacketHeader.u16(bytes, at + 4));
      line.key("tc").value(PacketHeader.u16(bytes, at) >>> 4 & 0xff);
      line.key("hoplimit").value(bytes[at + 7] & 0xff);
      line.key("flowlbl").value(PacketHeader.u32(bytes, at) & 0xfffff);
    }
    if (h.hasPorts && !h.fragment) {
      transport(bytes, h);
    }
    line.key("reason").value(reason).close('}');
  }

  private void transport(byte[] bytes, PacketHeader h) {
    int at = h.transportOffset;
    if (h.protocol == PacketHeader.TCP) {
      int flags = bytes[at + 13];
      line.key("tcpseq").value(PacketHeader.u32(bytes, at + 4));
      line.key("tcpack").value(PacketHeader.u32(bytes, at + 8));
      line.key("tcpwin").value(PacketHeader.u16(bytes, at + 14));
      line.key("syn").value((flags & 2) != 0);
      line.key("ack").value((flags & 16) != 0);
      line.key("psh").value((flags & 8) != 0);
      line.key("rst").value((flags & 4) != 0);
      line.key("urg").value((flags & 32) != 0);
      line.key("fin").value((flags & 1) != 0);
      line.key("tcpres").value(bytes[at + 12] & 15);
      line.key("tcpurgp").value(PacketHeader.u16(bytes, at + 18));
    } else if (h.protocol == PacketHeader.UDP) {
      line.key("udplen").value(PacketHeader.u16(bytes, at + 4));
    } else if (h.isEcho()) {
      line.key("icmp_id").value(PacketHeader.u16(bytes, at + 4));
      line.key("icmp_seq").value(PacketHeader.u16(bytes, at + 6));
    }
  }

  /** Writes the object {@code anomaly}. */
  public void anomaly(String type, String event) {
    line.key("anomaly").open('{').key("type").value(type).key("event").value(event).close('}');
  }

  /** Writes the object {@code flow}. */
  public void flow(FlowFigures f) {
    line.key("flow").open('{');
    line.key("pkts_toserver").value(f.packetsToServer);
    line.key("pkts_toclient").value(f.packetsToClient);
    line.key("bytes_toserver").value(f.bytesToServer);
    line.key("bytes_toclient").value(f.bytesToClient);
    line.key("start").time(f.startNs).key("end").time(f.endNs);
    line.key("age").value(Math.max(0, (f.endNs - f.startNs) / 1_000_000_000L));
    line.key("state").value(f.state).key("reason").value(f.reason);
    line.key("alerted").value(false).close('}');
  }

  /**
   * Writes the object {@code tcp} of a flow.
   *
   * @param toServer all flags of the client
   * @param toClient all flags of the server
   * @param state of the connection
   */
  public void tcp(int toServer, int toClient, String state) {
    int all = toServer | toClient;
    line.key("tcp").open('{').key("tcp_flags").hex(all);
    line.key("tcp_flags_ts").hex(toServer).key("tcp_flags_tc").hex(toClient);
    flag("syn", all & 2);
    flag("fin", all & 1);
    flag("rst", all & 4);
    flag("psh", all & 8);
    flag("ack", all & 16);
    flag("urg", all & 32);
    line.key("state").value(state).close('}');
  }

  private void flag(String name, int set) {
    if (set != 0) {
      line.key(name).value(true);
    }
  }

  /**
   * Writes an event of type {@code stats} but for its end.
   *
   * @param timeNs when the figures were read
   * @param uptimeS seconds since the start
   */
  public void stats(long timeNs, long uptimeS, StatsFigures f) {
    line.clear().open('{').key("timestamp").time(timeNs).key("event_type").value("stats");
    line.key("stats").open('{').key("uptime").value(uptimeS);
    long all = 0;
    long invalid = 0;
    for (DropReason reason : DropReason.values()) {
      long n = f.dropped[reason.id()];
      all += n;
      invalid += Anomaly.is(reason) && Anomaly.type(reason).equals("decode") ? n : 0;
    }
    line.key("decoder").open('{').key("pkts").value(f.packets).key("bytes").value(f.bytes);
    line.key("invalid").value(invalid).close('}');
    if (f.flows >= 0) {
      line.key("flow").open('{').key("active").value(f.flows).close('}');
    }
    long rejected = f.dropped[DropReason.REJECTED.id()];
    line.key("ips").open('{').key("accepted").value(f.accepted);
    line.key("blocked").value(all - rejected).key("rejected").value(rejected);
    line.key("drop_reason").open('{');
    for (DropReason reason : DropReason.values()) {
      if (f.dropped[reason.id()] > 0) {
        line.key(reason.label()).value(f.dropped[reason.id()]);
      }
    }
    line.close('}').close('}').close('}');
  }

  /** Ends the event. */
  public EveLine end() {
    return line.close('}').end();
  }
}
