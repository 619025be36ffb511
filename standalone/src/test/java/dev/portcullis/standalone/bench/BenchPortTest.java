package dev.portcullis.standalone.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.link.LinkLoops;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class BenchPortTest {

  private static final int BATCHES = 64;

  @Test
  void shouldSendAllFlowsWithGoodChecksums() throws InterruptedException {
    assertEquals(Set.of(0x0a08_0002L), receivers(8192));
    assertEquals(128, receivers(BenchPort.MOST_FLOWS).size());
  }

  private static Set<Long> receivers(int flows) throws InterruptedException {
    Set<Long> receivers = new HashSet<>();
    CountDownLatch enough = new CountDownLatch(BATCHES);
    try (LinkLoops loops = LinkLoops.start(1, "port")) {
      BenchPort port = new BenchPort(3, "lan", loops.next(), 60, flows);
      port.room(_ -> enough.getCount() > 0);
      port.start(
          batch -> {
            look(batch, receivers);
            enough.countDown();
          });
      port.go();
      assertTrue(enough.await(60, TimeUnit.SECONDS));
    }
    return receivers;
  }

  private static void look(PacketBatch batch, Set<Long> receivers) {
    PacketHeader header = new PacketHeader();
    for (int i = 0; i < batch.count; i++) {
      int at = batch.dataOffset[i];
      if (header.parse(batch.bytes, at, batch.dataLength[i]) != PacketHeader.OK
          || Checksum.sum(batch.bytes, at, 20, 0) != 0xffff
          || header.destinationPort != 4097) {
        throw new AssertionError("frame " + i + " is not what it should be");
      }
      receivers.add(header.destinationLow);
    }
  }
}
