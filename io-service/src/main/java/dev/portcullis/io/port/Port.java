package dev.portcullis.io.port;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.policy.GatewayConfig;
import org.jspecify.annotations.Nullable;

/**
 * A port of an IO module: takes frames in and puts frames out.
 *
 * <p>A frame that it takes in is handed to its {@link FrameSink} as a row of a batch with
 * link-layer header and data told apart; a frame that leaves is a row again. Thread: the loop of
 * the IO module, for all methods.
 */
public interface Port extends AutoCloseable {

  /** Tag of the logical interface of this port. */
  int tag();

  /** Name of the port in the configuration. */
  String name();

  /** Starts to take frames in; they go to {@code sink}. */
  void start(FrameSink sink);

  /**
   * Puts a frame out.
   *
   * @return {@link DropReason#NONE}, or why the frame could not be put out; null: it is gathered or
   *     waits, and the port's {@link Departures} is told later what became of it
   */
  @Nullable DropReason transmit(PacketBatch batch, int i);

  /** From now on {@code departures} is told what became of frames that were gathered. */
  default void report(Departures departures) {}

  /** The gateway has another policy now. */
  default void configure(GatewayConfig config) {}

  /** Learns what became of a frame that this port took in and asked about (an outcome row). */
  void settled(PacketBatch batch, int i);

  /**
   * Capture time of now, for timers that run while no frame comes: of a live port the wall clock,
   * of one that plays a recording that of the recording. 0: the port has no clock.
   */
  default long nowNs() {
    return 0;
  }

  /** Nothing more comes for now: what is gathered is put out. */
  void flush();

  /** Stops taking frames in, puts out what is gathered and gives files and devices back. */
  @Override
  void close();
}
