package dev.portcullis.core.elastic;

/** What a worker that is killed takes along. */
public enum Replication {
  /** All its flows. */
  NONE,
  /** Flows that changed since its guardian last acknowledged. */
  ASYNC,
  /** Nothing: no packet leaves before the guardian has what it changed. */
  SYNC
}
