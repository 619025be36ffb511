package dev.portcullis.worker.flow;

import java.util.Locale;

/** Why a flow ended. */
public enum EndReason {
  /** No packet came for as long as its state allows. */
  TIMEOUT,
  /** The connection had been closed or reset, and its last wait is over. */
  CLOSED,
  /** Another flow needed the room. */
  EVICTED,
  /** A new connection has begun with the same tuple. */
  REPLACED,
  /** A new policy does not accept it. */
  POLICY,
  /** An operator has ended it. */
  CLEARED,
  /** By a new table it belongs to another worker, which goes on with it: no end of the flow. */
  HANDED_OVER;

  /** Name in events and metrics: lower case. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
