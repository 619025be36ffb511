package dev.portcullis.core.link;

/**
 * The fields of a {@code PacketBatch} that are not packets; see {@code packet_link.proto}. Reused.
 */
final class BatchHeader {
  static final int PACKETS = 0, ACKNOWLEDGE = 1, RESUME = 2, BARRIER = 3, CONTROL = 4;
  int kind, epoch, source, destination, sourceLane, destinationLane;
  long sourceGeneration, destinationGeneration, sequence, acknowledged;

  void clear() {
    kind = 0;
    epoch = 0;
    source = 0;
    destination = 0;
    sourceLane = 0;
    destinationLane = 0;
    sourceGeneration = 0;
    destinationGeneration = 0;
    sequence = 0;
    acknowledged = 0;
  }
}
