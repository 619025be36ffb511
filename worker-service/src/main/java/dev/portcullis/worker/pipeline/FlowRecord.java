package dev.portcullis.worker.pipeline;

import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.distribution.Lanes;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.flow.FlowState;
import dev.portcullis.worker.flow.FlowTable;
import dev.portcullis.worker.flow.Tuple;
import dev.portcullis.worker.policy.Egress;
import java.nio.charset.StandardCharsets;

/**
 * A whole flow as a message from one worker to another, a row of a batch ({@link
 * PacketFlags#MESSAGE}): the key that it is to live under, the words of its entry with the marks
 * that it is to have there, and the name of its rule, whose number means nothing elsewhere. Layout
 * in docs/wire.md. One row, used again; reading never fails on any bytes. Thread: one shard.
 */
final class FlowRecord {

  /** First byte: this is a flow. */
  static final int TYPE = 3;

  /** Second byte: the words of the entry are as this version has them. */
  static final int VERSION = 2;

  private static final long LOWER = 0xffff_ffffL;

  private static final int AT_VERSION = 1, AT_NAME_LENGTH = 2, AT_CLASS = 3;
  private static final int AT_V_HIGH = 8, AT_V_LOW = 16, AT_WORDS = 24;

  /** Words that travel: all but the one that links an entry at its worker. */
  static final int WORDS = FlowTable.WORDS - 1;

  private static final int AT_NAME = AT_WORDS + WORDS * Long.BYTES;

  /** The longest name of a rule. */
  private static final int LONGEST_NAME = 255;

  /** Flags of a flow that has no state besides its entry. */
  static final int WHOLE =
      FlowTable.ROUTED
          | FlowTable.DNAT
          | FlowTable.SNAT
          | FlowTable.FIN_FORWARD
          | FlowTable.FIN_REVERSE;

  /** Flags of a flow that may come. */
  private static final int KNOWN = WHOLE | FlowTable.HELPED | FlowTable.TURNS_BACK;

  private final PacketBatch row = new PacketBatch(AT_NAME + LONGEST_NAME);

  /** Words of the record that was read last, as in an entry. */
  final long[] words = new long[FlowTable.WORDS];

  /** Key that the flow is to live under, of the record that was read last. */
  final FlowKey key = new FlowKey();

  FlowRecord() {
    row.count = 1;
  }

  /**
   * Returns the row that carries a flow.
   *
   * @param to key that it is to live under
   * @param ruleName name of its rule
   * @param cause batch of the packet that causes it, row {@code i}
   */
  PacketBatch write(
      FlowTable flows, int flow, FlowKey to, String ruleName, int epoch, PacketBatch cause, int i) {
    long meta = flows.get(flow, FlowTable.META) & ~FlowTable.MARKS | FlowTable.GUEST;
    write(flows, flow, to, meta, ruleName, epoch, cause.captureTimeNs[i]);
    put(FlowTable.LOOK, to.trafficClass);
    row.flags[0] |= cause.flags[i] & PacketFlags.EVENTS;
    row.number[0] = cause.number[i];
    row.ingressTag[0] = cause.ingressTag[i];
    return row;
  }

  /**
   * Returns the row that hands a flow over as it is, with its marks.
   *
   * @param to key that it lives under
   * @param ruleName name of its rule
   * @param epoch number of the table by which it moves
   */
  PacketBatch write(FlowTable flows, int flow, FlowKey to, String ruleName, int epoch, long nowNs) {
    write(flows, flow, to, flows.get(flow, FlowTable.META), ruleName, epoch, nowNs);
    return row;
  }

  private void write(
      FlowTable flows, int flow, FlowKey to, long meta, String ruleName, int epoch, long nowNs) {
    byte[] name = ruleName.getBytes(StandardCharsets.UTF_8);
    int nameLength = Math.min(name.length, LONGEST_NAME);
    byte[] bytes = row.bytes;
    row.clearRow(0);
    row.flags[0] = PacketFlags.MESSAGE;
    row.captureTimeNs[0] = nowNs;
    row.vHigh[0] = to.vHigh;
    row.vLow[0] = to.vLow;
    row.trafficClass[0] = to.trafficClass;
    row.dataLength[0] = AT_NAME + nameLength;
    PacketHeader.put64(bytes, 0, 0L);
    bytes[0] = TYPE;
    bytes[AT_VERSION] = VERSION;
    bytes[AT_NAME_LENGTH] = (byte) nameLength;
    bytes[AT_CLASS] = (byte) to.trafficClass;
    PacketHeader.put32(bytes, StateMessage.AT_EPOCH, epoch);
    PacketHeader.put64(bytes, AT_V_HIGH, to.vHigh);
    PacketHeader.put64(bytes, AT_V_LOW, to.vLow);
    for (int word = 0; word < WORDS; word++) {
      put(word, isLocal(word) ? 0 : flows.get(flow, word));
    }
    put(FlowTable.META, meta);
    if (flows.isAnnounced(flow)) {
      put(FlowTable.HELPER, flows.get(flow, FlowTable.HELPER) & LOWER);
    }
    System.arraycopy(name, 0, bytes, AT_NAME, nameLength);
  }

  private void put(int word, long value) {
    PacketHeader.put64(row.bytes, AT_WORDS + word * Long.BYTES, value);
  }

  /**
   * Whether a word means something to the worker that has the entry only; of {@link
   * FlowTable#HELPER} what an announced flow has there travels.
   */
  private static boolean isLocal(int word) {
    return switch (word) {
      case FlowTable.NEXT_HOP, FlowTable.RECORDED_AT, FlowTable.HELPER -> true;
      default -> false;
    };
  }

  /**
   * Reads a flow; false where the row is none that this version knows, or contradicts itself or the
   * configuration.
   */
  boolean read(PacketBatch batch, int i, Egress egress) {
    byte[] bytes = batch.bytes;
    int at = batch.dataOffset[i];
    int length = batch.dataLength[i];
    if (length < AT_NAME
        || bytes[at] != TYPE
        || bytes[at + AT_VERSION] != VERSION
        || length != AT_NAME + nameLength(batch, i)) {
      return false;
    }
    key.set(
        bytes[at + AT_CLASS] & 0xff,
        PacketHeader.u64(bytes, at + AT_V_HIGH),
        PacketHeader.u64(bytes, at + AT_V_LOW));
    for (int word = 0; word < WORDS; word++) {
      words[word] =
          isLocal(word) && word != FlowTable.HELPER
              ? 0
              : PacketHeader.u64(bytes, at + AT_WORDS + word * Long.BYTES);
    }
    return isSound(egress);
  }

  private boolean isSound(Egress egress) {
    long forward = words[FlowTable.FORWARD + 4];
    long reverse = words[FlowTable.REVERSE + 4];
    int version = (int) forward & 0xff;
    long meta = words[FlowTable.META];
    long tags = words[FlowTable.TAGS];
    int state = (int) meta & 0xff;
    int flags = (int) meta >>> 8 & 0xff;
    return (version == 4 || version == 6)
        && version == ((int) reverse & 0xff)
        && Tuple.protocol(forward) == Tuple.protocol(reverse)
        && Tuple.hasPorts(forward) == Tuple.hasPorts(reverse)
        && FlowState.fits(state, Tuple.protocol(forward), Tuple.hasPorts(forward))
        && (flags & ~KNOWN) == 0
        && isHelperSound(flags, words[FlowTable.HELPER])
        && egress.exists((int) (tags >>> 32))
        && egress.exists((int) tags);
  }

  /** What a helper notes is 0, or of an announced flow. */
  private static boolean isHelperSound(int flags, long helper) {
    boolean announced = (flags & FlowTable.HELPED) != 0 && helper >>> 31 == 1;
    return announced || helper == 0;
  }

  private static int nameLength(PacketBatch batch, int i) {
    return batch.bytes[batch.dataOffset[i] + AT_NAME_LENGTH] & 0xff;
  }

  /** Lane of the key of the record that was read last. */
  int lane() {
    return Lanes.laneOf(key.vHigh, key.vLow);
  }

  /** Lane that the entry of the record that was read last had where it comes from. */
  int laneOfEntry() {
    return (int) words[FlowTable.META] >>> 16 & Lanes.COUNT - 1;
  }

  /** Returns the name of the rule in a row that {@link #read} took. */
  static String ruleName(PacketBatch batch, int i) {
    return new String(
        batch.bytes, batch.dataOffset[i] + AT_NAME, nameLength(batch, i), StandardCharsets.UTF_8);
  }
}
