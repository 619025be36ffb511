package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.sun.management.ThreadMXBean;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.FlowKey;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.ModuleLinks;
import dev.portcullis.core.link.Outlet;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.topology.Topology;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.stage.Outlets;
import java.lang.management.ManagementFactory;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class FastPathTest {

  private static final String SERVER = "198.51.100.7";

  @Test
  void shouldDoToLaterPacketsWhatTheSlowPathDoesToTheFirst() {
    List<byte[]> fromLan =
        List.of(
            Packets.udp("10.0.0.9", 77, SERVER, 53),
            Packets.echo("10.0.0.9", SERVER, false, 3),
            Packets.tcp("10.0.0.9", 77, SERVER, 80, PacketHeader.SYN));
    for (byte[] packet : fromLan) {
      check("lan", packet);
    }
    check("wan", Packets.tcp(SERVER, 99, "203.0.113.10", 80, PacketHeader.SYN));
  }

  @Test
  void shouldDoToASegmentOfAnEstablishedConnectionWhatTheSlowPathDoesToOnePickedUp() {
    byte[] data = segment(10, PacketHeader.ACK | PacketHeader.PSH, 1, 1, 100);
    String yaml =
        Network.branch("ip-sum", "record")
            .replace("policy: p", "exceptions: {midstream: pass}\n  policy: p");
    Network slow = new Network(yaml, 3, 2);
    Network fast = new Network(yaml, 3, 2);
    fast.in("lan", segment(10, PacketHeader.SYN, 0, 0, 0));
    PacketHeader header = new PacketHeader();
    header.parse(fast.left(), 0, fast.left().length);
    int flags = PacketHeader.SYN | PacketHeader.ACK;
    fast.in(
        "wan",
        Packets.tcp(
            SERVER, 80, "203.0.113.10", header.sourcePort, flags, 0, 1, 999, new byte[0], 0));
    fast.in("lan", segment(10, PacketHeader.ACK, 1, 1, 0));
    String fastTrace = fast.in("lan", data.clone()).trace();
    String slowTrace = slow.in("lan", data.clone()).trace();
    assertArrayEquals(slow.left(), fast.left());
    assertArrayEquals(Packets.withChecksums(fast.left().clone()), fast.left());
    assertEquals(slowTrace, fastTrace);
  }

  private static byte[] segment(int host, int flags, long seq, long ack, int length) {
    byte[] timestamps = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2};
    return Packets.tcp("10.0.1." + host, 77, SERVER, 80, flags, seq, ack, 999, timestamps, length);
  }

  private static void check(String port, byte[] packet) {
    Network slow = new Network(Network.branch("ip-sum", "record"), 3, 2);
    Network fast = new Network(Network.branch("ip-sum", "record"), 3, 2);
    fast.in(port, packet.clone());
    String fastTrace = fast.in(port, packet.clone()).trace();
    String slowTrace = slow.in(port, packet.clone()).trace();
    assertArrayEquals(slow.left(), fast.left());
    assertArrayEquals(Packets.withChecksums(fast.left().clone()), fast.left());
    assertEquals(slowTrace, fastTrace);
  }

  @Test
  void shouldAllocateNothingPerPacket() {
    GatewayConfig config =
        Network.load(
            Network.branch("ip-sum", "record")
                .replace("policy: p", "exceptions: {midstream: pass}\n  policy: p"));
    Topology topology = Topology.of(config.gateway());
    Worker worker = new Worker(ModuleId.worker(0), config, topology, 1);
    long[] taken = new long[1];
    worker.start(new CountingWiring(taken));
    DistributionTable table =
        DistributionTable.of(config.gateway(), 1, 0, List.of(new Member(0, 1, "127.0.0.1", 1, 1)));
    worker.onTable(table);
    PacketBatch batch = new PacketBatch(64 * 1024);
    byte[][] packets = new byte[256][];
    FlowKey key = new FlowKey();
    PacketHeader header = new PacketHeader();
    for (int i = 0; i < packets.length; i++) {
      packets[i] =
          i % 2 == 0
              ? Packets.udp("10.0.1." + (1 + i % 200), 1000 + i, SERVER, 53)
              : segment(1 + i % 200, PacketHeader.ACK, 1 + i / 200, 1, 100);
    }
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    ModuleId source = ModuleId.io(0);
    long best = Long.MAX_VALUE;
    for (int round = 0; round < 40; round++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int repeat = 0; repeat < 50; repeat++) {
        fill(batch, packets, header, key, table);
        worker.onBatch(0, source, 1, batch);
      }
      best = Math.min(best, threads.getCurrentThreadAllocatedBytes() - before);
    }
    assertEquals(40L * 50 * 256, taken[0]);
    assertEquals(0, best);
  }

  private static void fill(
      PacketBatch batch,
      byte[][] packets,
      PacketHeader header,
      FlowKey key,
      DistributionTable table) {
    int at = 0;
    for (int i = 0; i < packets.length; i++) {
      System.arraycopy(packets[i], 0, batch.bytes, at, packets[i].length);
      batch.clearRow(i);
      header.parse(batch.bytes, at, packets[i].length);
      table.assign(header, key);
      batch.vLow[i] = key.vLow;
      batch.dataOffset[i] = at;
      batch.dataLength[i] = packets[i].length;
      batch.captureTimeNs[i] = 1;
      at += packets[i].length;
    }
    batch.count = packets.length;
  }

  private record CountingWiring(long[] taken) implements Wiring {
    @Override
    public void epoch(int shard, int epoch) {}

    @Override
    public void watch(int shard, ModuleLinks.@Nullable Acknowledged it) {}

    @Override
    public void execute(int shard, Runnable task) {
      task.run();
    }

    @Override
    public long generation() {
      return 1;
    }

    @Override
    public Outlets outlets(int shard) {
      return (destination, lane) -> new CountingOutlet(destination, taken);
    }

    @Override
    public void afterBatches(int shard, Runnable task) {
      task.run();
    }
  }

  private record CountingOutlet(ModuleId destination, long[] taken) implements Outlet {
    @Override
    public boolean offer(PacketBatch batch, int i) {
      taken[0]++;
      return true;
    }

    @Override
    public void flush() {}

    @Override
    public long pendingBytes() {
      return 0;
    }
  }
}
