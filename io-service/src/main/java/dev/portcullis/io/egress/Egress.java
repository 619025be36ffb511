package dev.portcullis.io.egress;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.io.port.Port;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Untags what workers send and puts it out at the port that the tag means; outcomes go to the port
 * that asked.
 *
 * <p>Thread: the loop of the IO module.
 */
public final class Egress {

  private final @Nullable Port[] ports;
  private final EgressCounts counts;

  /** Told what left, and what could not. */
  public interface EgressCounts {

    /** Row {@code i} is a packet that a worker sent to be put out. */
    void returned(PacketBatch batch, int i);

    /** Row {@code i} left by {@code port}. */
    void forwarded(Port port, PacketBatch batch, int i);

    /** Row {@code i} did not leave. */
    void dropped(PacketBatch batch, int i, DropReason reason);

    /** A fault of the gateway on row {@code i}, which does not leave. */
    void failed(PacketBatch batch, int i, RuntimeException fault);
  }

  /** Makes an egress over the ports of the module. */
  public Egress(List<Port> ports, EgressCounts counts) {
    int highest = ports.stream().mapToInt(Port::tag).max().orElse(-1);
    this.ports = new Port[highest + 1];
    for (Port port : ports) {
      this.ports[port.tag()] = port;
    }
    this.counts = counts;
  }

  /** Puts out all rows of a batch. */
  public void take(PacketBatch batch) {
    for (int i = 0; i < batch.count; i++) {
      Port port = has(batch.tag[i]) ? ports[batch.tag[i]] : null;
      if ((batch.flags[i] & (PacketFlags.OUTCOME | PacketFlags.EVENT)) == 0) {
        putOut(port, batch, i);
      } else if (port != null) {
        port.settled(batch, i);
      }
    }
  }

  private void putOut(@Nullable Port port, PacketBatch batch, int i) {
    counts.returned(batch, i);
    DropReason reason = port == null ? DropReason.UNKNOWN_TAG : transmit(port, batch, i);
    if (reason == null) {
      return;
    }
    if (port != null && reason == DropReason.NONE) {
      counts.forwarded(port, batch, i);
    } else {
      counts.dropped(batch, i, reason);
    }
  }

  /** What fails all the same costs the packet. */
  private @Nullable DropReason transmit(Port port, PacketBatch batch, int i) {
    try {
      return port.transmit(batch, i);
    } catch (RuntimeException e) {
      counts.failed(batch, i, e);
      return DropReason.STAGE_FAILED;
    }
  }

  /** Whether a port of this module has this tag. */
  public boolean has(int tag) {
    return tag >= 0 && tag < ports.length && ports[tag] != null;
  }

  /** Tells the port of entry what became of a frame: row {@code i} is its outcome. */
  public void settled(PacketBatch batch, int i) {
    Port port = has(batch.ingressTag[i]) ? ports[batch.ingressTag[i]] : null;
    if (port != null) {
      port.settled(batch, i);
    }
  }

  /** Lets every port put out what it has gathered. */
  public void flush() {
    for (Port port : ports) {
      if (port != null) {
        port.flush();
      }
    }
  }
}
