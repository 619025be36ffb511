package dev.portcullis.io.egress;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.io.port.FrameSink;
import dev.portcullis.io.port.Port;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A fault of the gateway in a port costs the packet that it put out, and nothing else. */
class EgressFaultsTest {

  private final List<String> told = new ArrayList<>();

  /** A port that fails on the packet with the number 2. */
  private static final class Failing implements Port {
    @Override
    public int tag() {
      return 0;
    }

    @Override
    public String name() {
      return "wan";
    }

    @Override
    public void start(FrameSink sink) {}

    @Override
    public DropReason transmit(PacketBatch batch, int i) {
      if (batch.number[i] == 2) {
        throw new IllegalStateException("a fault for the test");
      }
      return DropReason.NONE;
    }

    @Override
    public void settled(PacketBatch batch, int i) {}

    @Override
    public void flush() {}

    @Override
    public void close() {}
  }

  private final Egress egress =
      new Egress(
          List.of(new Failing()),
          new Egress.EgressCounts() {
            @Override
            public void returned(PacketBatch batch, int i) {}

            @Override
            public void forwarded(Port port, PacketBatch batch, int i) {
              told.add(batch.number[i] + " forwarded");
            }

            @Override
            public void dropped(PacketBatch batch, int i, DropReason reason) {
              told.add(batch.number[i] + " " + reason.label());
            }

            @Override
            public void failed(PacketBatch batch, int i, RuntimeException fault) {
              told.add(fault.getMessage());
            }
          });

  @Test
  void shouldCostOnePacketWhereAPortFails() {
    PacketBatch batch = new PacketBatch(0);
    for (int i = 0; i < 3; i++) {
      batch.clearRow(i);
      batch.number[i] = i + 1;
    }
    batch.count = 3;
    egress.take(batch);
    assertEquals(
        List.of("1 forwarded", "a fault for the test", "2 stage-failed", "3 forwarded"), told);
  }
}
