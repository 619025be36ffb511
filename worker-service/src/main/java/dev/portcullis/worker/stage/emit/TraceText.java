package dev.portcullis.worker.stage.emit;

import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.worker.flow.FlowState;
import dev.portcullis.worker.policy.Egress;
import dev.portcullis.worker.stage.Vector;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;

/**
 * Writes the way of a packet as text: {@code w0 lg-lan:dnat,acl:allow-web,stateful:new,snat;w2
 * :record}. Passing between shards is no hop. A reply's undone SNAT is {@code dnat}, its undone
 * DNAT {@code snat}: what happened to receiver and sender.
 *
 * <p>Thread: one shard.
 */
public final class TraceText {

  private static final byte[] FRAGMENT = ascii("fragment"),
      RECORD = ascii("record"),
      PATH = ascii("path"),
      EXPIRED = ascii("expired"),
      DNAT = ascii("dnat"),
      ACL = ascii("acl:"),
      STATEFUL = ascii("stateful:"),
      SNAT = ascii("snat"),
      RELATED = ascii("related"),
      EXPECTED = ascii("expected"),
      ANNOUNCE = ascii("announce"),
      ANSWER = ascii("answer"),
      WAS = ascii("was:"),
      NONE = ascii("none"),
      LOOK = ascii("look:"),
      CLASS = ascii("class:");

  private static final byte[][] STATES = new byte[FlowState.OTHER + 1][];

  static {
    Arrays.setAll(STATES, i -> ascii(FlowState.nameOf(i)));
  }

  private final byte[] worker;
  private final byte[][] interfaces;
  private byte[][] rules = {};
  private byte[][] classes = {};
  private byte[] bytes = new byte[4096];
  private int length;
  private boolean first;

  /**
   * Prepares the names.
   *
   * @param ruleName name of each rule, of the default action for -1, of a rule that is gone for -2
   * @param ruleCount number of rules
   */
  public TraceText(
      int self, Egress egress, int interfaceCount, IntFunction<String> ruleName, int ruleCount) {
    worker = ascii("w" + self + " ");
    interfaces = new byte[interfaceCount][];
    Arrays.setAll(interfaces, i -> ascii(egress.at(i).name()));
    rules(ruleName, ruleCount);
  }

  /** Takes the names of the rules of another policy. */
  public void rules(IntFunction<String> ruleName, int ruleCount) {
    rules = new byte[ruleCount + 2][];
    Arrays.setAll(rules, i -> ascii(ruleName.apply(i - 2)));
  }

  /** Takes the names of the traffic classes of a table. */
  public void classes(List<String> names) {
    classes = new byte[names.size()][];
    Arrays.setAll(classes, i -> ascii(names.get(i)));
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** The text last written begins at 0 in here. */
  public byte[] bytes() {
    return bytes;
  }

  /**
   * Writes the text that the packet came with and the hop of this worker, and returns its length.
   */
  int write(Vector v, int i) {
    PacketBatch batch = v.batch;
    length = 0;
    append(batch.traceBytes, batch.traceOffset[i], batch.traceLength[i]);
    boolean hopIsWritten =
        v.fromOwnWorker
            && (batch.flags[i] & (PacketFlags.RECORD | PacketFlags.REDIRECTED))
                == PacketFlags.RECORD;
    if (hopIsWritten) {
      return length;
    }
    if (length > 0) {
      append((byte) ';');
    }
    append(worker);
    int tag = batch.ingressTag[i];
    if (hasComeStraight(v, i) && tag >= 0 && tag < interfaces.length) {
      append(interfaces[tag]);
    }
    append((byte) ':');
    first = true;
    int did = v.did[i];
    step(did, Vector.DID_FRAGMENT, FRAGMENT);
    step(did, Vector.DID_RECORD, RECORD);
    step(did, Vector.DID_PATH, PATH);
    step(did, Vector.DID_EXPIRED, EXPIRED);
    step(did, Vector.DID_RELATED, RELATED);
    step(did, Vector.DID_EXPECTED, EXPECTED);
    if (step(did, Vector.DID_LOOK, LOOK) || step(did, Vector.DID_CLASS, CLASS)) {
      append(classes[v.looked[i]]);
    }
    step(did, Vector.DID_DNAT, DNAT);
    if (step(did, Vector.DID_ACL, ACL)) {
      append(rules[v.rule[i] + 2]);
    }
    if (step(did, Vector.DID_STATEFUL, STATEFUL)) {
      append(STATES[v.state[i] & 0xff]);
    }
    step(did, Vector.DID_SNAT, SNAT);
    step(did, Vector.DID_ANNOUNCE, ANNOUNCE);
    step(did, Vector.DID_ANSWER, ANSWER);
    if ((batch.flags[i] & PacketFlags.EXPLAIN) != 0
        && step(did, Vector.DID_STATEFUL | Vector.DID_REFUSE, WAS)) {
      int before = v.state[i] >>> Vector.BEFORE_SHIFT;
      append(before == 0 ? NONE : STATES[before]);
    }
    return length;
  }

  /** Whether no other worker had it: one that had would have written its hop. */
  private static boolean hasComeStraight(Vector v, int i) {
    return v.batch.traceLength[i] == 0;
  }

  private boolean step(int did, int bit, byte[] name) {
    if ((did & bit) == 0) {
      return false;
    }
    if (!first) {
      append((byte) ',');
    }
    first = false;
    append(name);
    return true;
  }

  private void append(byte[] text) {
    append(text, 0, text.length);
  }

  private void append(byte one) {
    ensure(1);
    bytes[length++] = one;
  }

  private void append(byte[] text, int offset, int count) {
    ensure(count);
    System.arraycopy(text, offset, bytes, length, count);
    length += count;
  }

  private void ensure(int count) {
    if (length + count > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(length + count, bytes.length * 2));
    }
  }
}
