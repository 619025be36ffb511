package dev.portcullis.core.counters;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Every number that a module counts: its name in Prometheus, what it means, its unit and its
 * labels. Reference, meters and dashboards come from here. Each label has a bound: modules, ports,
 * workers, links and reasons are as many as the configuration has.
 */
public enum Counter {
  PACKETS_RECEIVED(
      "portcullis_packets_received_total",
      Type.COUNTER,
      "packets",
      "Frames that a port took in.",
      "module",
      "port"),
  PACKETS_FORWARDED(
      "portcullis_packets_forwarded_total",
      Type.COUNTER,
      "packets",
      "Frames of which one piece or more left by a port; at a worker (port empty) packets that it passed on.",
      "module",
      "port"),
  PACKETS_DROPPED(
      "portcullis_packets_dropped_total",
      Type.COUNTER,
      "packets",
      "Packets that were dropped, by the stage that did and why.",
      "module",
      "stage",
      "reason"),
  PACKETS_PASSED_ON(
      "portcullis_packets_passed_on_total",
      Type.COUNTER,
      "packets",
      "Frames that an IO module gave to workers.",
      "module"),
  PACKETS_RETURNED(
      "portcullis_packets_returned_total",
      Type.COUNTER,
      "packets",
      "Frames that workers gave to an IO module, to put out.",
      "module"),
  PACKETS_HELD(
      "portcullis_packets_held",
      Type.GAUGE,
      "packets",
      "Packets that the module keeps until it has decided about them; what is on a link is not among them.",
      "module"),
  PACKETS_ORIGINATED(
      "portcullis_packets_originated_total",
      Type.COUNTER,
      "packets",
      "Packets that the gateway made itself: resets, ICMP errors.",
      "module"),
  ICMP_ERRORS_SUPPRESSED(
      "portcullis_icmp_errors_suppressed_total",
      Type.COUNTER,
      "packets",
      "ICMP errors and resets that were not made because of limits.icmpErrorsPerSecond.",
      "module"),
  PACKETS_NON_IP(
      "portcullis_packets_non_ip_total",
      Type.COUNTER,
      "packets",
      "Frames taken in that are not IP.",
      "module",
      "port"),
  PORT_OVERRUNS(
      "portcullis_port_overruns_total",
      Type.COUNTER,
      "packets",
      "Frames that the kernel dropped because the port did not take them in soon enough; they are"
          + " in no other count.",
      "module",
      "port"),
  STATIONS_UNLEARNED(
      "portcullis_port_stations_unlearned_total",
      Type.COUNTER,
      "packets",
      "Frames from stations behind a tunnel for which there was no room: what is for such a station goes to"
          + " every endpoint.",
      "module",
      "port"),
  BYTES_RECEIVED(
      "portcullis_bytes_received_total",
      Type.COUNTER,
      "bytes",
      "Bytes of the frames that a port took in.",
      "module",
      "port"),
  BYTES_FORWARDED(
      "portcullis_bytes_forwarded_total",
      Type.COUNTER,
      "bytes",
      "Bytes of the frames that left by a port.",
      "module",
      "port"),
  OUTCOMES_LOST(
      "portcullis_outcomes_lost_total",
      Type.COUNTER,
      "outcomes",
      "Outcomes of frames that did not get back to the port of entry because a queue was full.",
      "module"),
  WORKER_FLOWS(
      "portcullis_worker_flows",
      Type.GAUGE,
      "flows",
      "Flows that the worker tracks now.",
      "worker"),
  WORKER_FLOWS_CREATED(
      "portcullis_worker_flows_created_total",
      Type.COUNTER,
      "flows",
      "Flows that the worker began to track.",
      "worker"),
  WORKER_FLOWS_EXPIRED(
      "portcullis_worker_flows_expired_total",
      Type.COUNTER,
      "flows",
      "Flows that ended by their timeout.",
      "worker"),
  WORKER_FLOWS_EVICTED(
      "portcullis_worker_flows_evicted_total",
      Type.COUNTER,
      "flows",
      "Half-open TCP connections that had to make room for new flows.",
      "worker"),
  WORKER_FLOWS_CLEARED(
      "portcullis_worker_flows_cleared_total",
      Type.COUNTER,
      "flows",
      "Flows that an operator has ended.",
      "worker"),
  WORKER_FLOWS_HALF_OPEN(
      "portcullis_worker_flows_half_open",
      Type.GAUGE,
      "flows",
      "TCP connections at the worker whose handshake is not complete.",
      "worker"),
  WORKER_FLOWS_MOVED(
      "portcullis_worker_flows_moved_total",
      Type.COUNTER,
      "flows",
      "Flows whose first bytes told a class of another pool; what: left for it, stayed as they could not be sent, taken by a worker of it, refused by it, returned from it.",
      "worker",
      "what"),
  WORKER_SHADOWS(
      "portcullis_worker_shadows",
      Type.GAUGE,
      "flows",
      "Flows that began at the worker and live at another one now; they are not among its flows.",
      "worker"),
  WORKER_PATHS(
      "portcullis_worker_paths",
      Type.GAUGE,
      "records",
      "Path records that the worker keeps now.",
      "worker"),
  WORKER_NAT_TUPLES(
      "portcullis_worker_nat_tuples",
      Type.GAUGE,
      "tuples",
      "Translated tuples in use at the worker now.",
      "worker"),
  RULE_FLOWS(
      "portcullis_rule_flows_total",
      Type.COUNTER,
      "flows",
      "Flows that a rule decided about when they began, and packets that it kept from beginning one; rule default: no rule did.",
      "module",
      "rule"),
  RULE_PACKETS(
      "portcullis_rule_packets_total",
      Type.COUNTER,
      "packets",
      "Packets of the flows of a rule, both directions.",
      "module",
      "rule"),
  RULE_BYTES(
      "portcullis_rule_bytes_total",
      Type.COUNTER,
      "bytes",
      "Bytes of IP of the flows of a rule, both directions.",
      "module",
      "rule"),
  EXPRESSION_FAILURES(
      "portcullis_expression_failures_total",
      Type.COUNTER,
      "packets",
      "Times that a passing expression divided by zero or overflowed, so that the sum of the addresses was taken.",
      "module"),
  EVENTS_WRITTEN(
      "portcullis_events_written_total",
      Type.COUNTER,
      "events",
      "Events that were written to where the configuration wants them.",
      "module"),
  EVENTS_LOST(
      "portcullis_events_lost_total",
      Type.COUNTER,
      "events",
      "Events that found the queue of the log full, or could not be written.",
      "module"),
  EVENTS_SUPPRESSED(
      "portcullis_events_suppressed_total",
      Type.COUNTER,
      "events",
      "Drop and anomaly events that were more than log.perSecond.",
      "module"),
  ANNOUNCEMENTS(
      "portcullis_announcements_total",
      Type.COUNTER,
      "lines",
      "Lines of FTP control connections that announce a data connection: expected; refused (address or port that the policy does not allow); full (no room, limits.expectations); late (went on before all shards knew of it).",
      "module",
      "outcome"),
  EXPECTED_CONNECTIONS(
      "portcullis_expected_connections_total",
      Type.COUNTER,
      "flows",
      "Announced connections that have begun.",
      "module"),
  WORKER_EXPECTATIONS(
      "portcullis_worker_expectations",
      Type.GAUGE,
      "flows",
      "Announced connections that have not begun; the shards that may get the first packet of one count it too.",
      "worker"),
  LINK_QUEUE_BYTES(
      "portcullis_link_queue_bytes",
      Type.GAUGE,
      "bytes",
      "Bytes gathered, queued or sent on a link and not yet acknowledged.",
      "link"),
  LINK_BATCHES_SENT(
      "portcullis_link_batches_sent_total",
      Type.COUNTER,
      "batches",
      "Batches sent on a link, those that were sent again among them.",
      "link"),
  LINK_BATCHES_RECEIVED(
      "portcullis_link_batches_received_total",
      Type.COUNTER,
      "batches",
      "Batches taken from a link.",
      "link"),
  LINK_BATCHES_RESENT(
      "portcullis_link_batches_resent_total",
      Type.COUNTER,
      "batches",
      "Batches sent again after a break.",
      "link"),
  LINK_CONNECTS(
      "portcullis_link_connects_total",
      Type.COUNTER,
      "streams",
      "Streams of a link that came up.",
      "link"),
  LINK_REFUSED(
      "portcullis_link_refused_total",
      Type.COUNTER,
      "streams",
      "Peers that were refused, with their connection, stream or message, by what was wrong.",
      "module",
      "cause"),
  REDISTRIBUTED_PACKETS(
      "portcullis_redistributed_packets_total",
      Type.COUNTER,
      "packets",
      "Packets that one worker passed to another.",
      "from",
      "to"),
  PATH_MISMATCH(
      "portcullis_path_mismatch_total",
      Type.COUNTER,
      "packets",
      "Replies whose recorded path led to a worker that did not know the flow."),
  RELAYED_BATCHES(
      "portcullis_relayed_batches_total",
      Type.COUNTER,
      "batches",
      "Batches that the switch relayed.",
      "module"),
  RELAYED_BYTES(
      "portcullis_relayed_bytes_total",
      Type.COUNTER,
      "bytes",
      "Bytes that the switch relayed.",
      "module"),
  RELAY_DROPPED(
      "portcullis_relay_dropped_batches_total",
      Type.COUNTER,
      "batches",
      "Batches that the switch could not pass on; their channels send them again.",
      "module",
      "cause"),
  TABLE_EPOCH(
      "portcullis_table_epoch",
      Type.GAUGE,
      "epoch",
      "Epoch of the table that the module uses.",
      "module"),
  TABLE_WORKERS("portcullis_table_workers", Type.GAUGE, "workers", "Workers in the newest table."),
  MANAGEMENT_ATTACHED(
      "portcullis_management_attached",
      Type.GAUGE,
      "modules",
      "Modules that are attached to management now."),
  MANAGEMENT_REFUSED(
      "portcullis_management_refused_total",
      Type.COUNTER,
      "reports",
      "Reports of modules that were refused, by what was wrong.",
      "cause"),
  MANAGEMENT_RECONNECTS(
      "portcullis_management_reconnects_total",
      Type.COUNTER,
      "attempts",
      "Times that the module tried again to reach management.",
      "module"),
  SCALE_FLOWS_MOVED(
      "portcullis_scale_flows_moved_total",
      Type.COUNTER,
      "flows",
      "Flows that changed their worker in a scale event."),
  SCALE_FLOWS_BROKEN(
      "portcullis_scale_flows_broken_total",
      Type.COUNTER,
      "flows",
      "Flows whose state was lost: by a change of table, or with a worker, as soon as they speak."),
  SCALE_BLOCKED(
      "portcullis_scale_blocked_seconds",
      Type.HISTOGRAM,
      "seconds",
      "The longest that packets waited for the state of their flows, of each scale event."),
  OPERATOR_RECONCILIATIONS(
      "portcullis_operator_reconciliations_total",
      Type.COUNTER,
      "reconciliations",
      "Times that the operator compared a gateway with what there is, by how that ended.",
      "result"),
  OPERATOR_WRITES(
      "portcullis_operator_writes_total",
      Type.COUNTER,
      "writes",
      "Resources that the operator applied or deleted, by kind.",
      "kind",
      "what"),
  OPERATOR_GATEWAYS(
      "portcullis_operator_gateways",
      Type.GAUGE,
      "gateways",
      "Gateways that the operator looks after, by whether they are ready.",
      "ready"),
  OPERATOR_LEADING(
      "portcullis_operator_leading", Type.GAUGE, "leaders", "1 where this operator leads, else 0."),
  REPLICA_ENTRIES(
      "portcullis_replica_entries_total",
      Type.COUNTER,
      "entries",
      "Changes of flows and path records that were sent to guardians.",
      "worker"),
  REPLICA_BYTES(
      "portcullis_replica_bytes_total", Type.COUNTER, "bytes", "Bytes of them.", "worker"),
  REPLICA_LAG(
      "portcullis_replica_lag",
      Type.GAUGE,
      "messages",
      "Messages to guardians that have not been acknowledged.",
      "worker"),
  REPLICA_UNPROTECTED(
      "portcullis_replica_unprotected",
      Type.GAUGE,
      "shards",
      "Shards whose flows are lost when the worker is killed now.",
      "worker"),
  REPLICA_TAKEOVERS(
      "portcullis_replica_takeovers_total",
      Type.COUNTER,
      "workers",
      "Workers that went on in the process of their guardian.",
      "module"),
  REPLICA_TAKEOVERS_FAILED(
      "portcullis_replica_takeovers_failed_total",
      Type.COUNTER,
      "workers",
      "Workers that could not go on in the process of their guardian: no port for guests was free.",
      "module");

  /** What Prometheus calls the type. */
  public enum Type {
    /** Only grows. */
    COUNTER,
    /** Goes up and down. */
    GAUGE,
    /** Of many durations how many were how long. */
    HISTOGRAM;

    /** Name in the reference: lower case. */
    public String label() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  static {
    Set<String> names = new HashSet<>();
    for (Counter counter : values()) {
      if (!names.add(counter.metric)) {
        throw new ExceptionInInitializerError("two counters have the name " + counter.metric);
      }
      if (counter.metric.endsWith("_total") != (counter.type == Type.COUNTER)) {
        throw new ExceptionInInitializerError(
            counter.metric
                + " is a "
                + counter.type.label()
                + "; names of counters, and only those, end in _total");
      }
    }
  }

  private final String metric;
  private final Type type;
  private final String unit;
  private final String help;
  private final List<String> labels;

  Counter(String metric, Type type, String unit, String help, String... labels) {
    this.metric = metric;
    this.type = type;
    this.unit = unit;
    this.help = help;
    this.labels = List.of(labels);
  }

  /** Name in Prometheus. */
  public String metric() {
    return metric;
  }

  /** Whether it only grows. */
  public Type type() {
    return type;
  }

  /** What is counted: a plural noun; {@code bytes} for sizes. */
  public String unit() {
    return unit;
  }

  /** One sentence for people. */
  public String help() {
    return help;
  }

  /** Names of the labels, in the order in which values are given. */
  public List<String> labels() {
    return labels;
  }
}
