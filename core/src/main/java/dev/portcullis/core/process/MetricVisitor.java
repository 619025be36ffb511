package dev.portcullis.core.process;

import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;

/** Is told about each number of a module once, and reads it whenever somebody scrapes. Suppliers answer on any thread. */
public interface MetricVisitor {

  /**
   * A number that only grows.
   *
   * @param name full Prometheus name: {@code portcullis_packets_received_total}
   * @param help one sentence
   * @param value reads the number
   * @param labels names and values in turn
   */
  void counter(String name, String help, LongSupplier value, String... labels);

  /**
   * A number that goes up and down.
   *
   * @param name full Prometheus name: {@code portcullis_worker_flows}
   * @param help one sentence
   * @param value reads the number
   * @param labels names and values in turn
   */
  void gauge(String name, String help, DoubleSupplier value, String... labels);
}
