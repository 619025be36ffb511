package dev.portcullis.standalone.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.portcullis.core.counters.Counter;
import java.util.List;
import org.junit.jupiter.api.Test;

class SoakBooksTest {

  private static final String IO =
      """
      # HELP portcullis_packets_received_total Frames.
      portcullis_packets_received_total{module="io/0",port="lan"} 10.0
      portcullis_packets_passed_on_total{module="io/0"} 9.0
      portcullis_packets_dropped_total{module="io/0",reason="non-ip",stage="ingress"} 1.0
      portcullis_packets_returned_total{module="io/0"} 7.0
      portcullis_packets_forwarded_total{module="io/0",port="wan"} 7.0
      """;

  private static String worker(int forwarded) {
    return """
    portcullis_packets_received_total{module="worker/0"} 9.0
    portcullis_packets_forwarded_total{module="worker/0"} %d.0
    portcullis_packets_dropped_total{module="worker/0",reason="policy",stage="acl"} 2.0
    portcullis_worker_flows{module="worker/0"} 1.0E3
    """
        .formatted(forwarded);
  }

  @Test
  void shouldFindNoFaultInBooksThatBalance() {
    assertEquals(List.of(), SoakBooks.of(List.of(IO, worker(7))).faults());
  }

  @Test
  void shouldSayWhatDoesNotBalance() {
    assertEquals(
        List.of(
            "on the way back: forwarded by workers - redistributed, and returned differ: 8 and 7."),
        SoakBooks.of(List.of(IO, worker(8))).faults());
  }

  @Test
  void shouldAddUpSeriesOfAllModules() {
    assertEquals(2000, SoakBooks.of(List.of(worker(7), worker(7))).sum(Counter.WORKER_FLOWS));
  }
}
