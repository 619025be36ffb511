package dev.portcullis.io.ingress;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.link.LinkLoops;
import dev.portcullis.core.link.LinkObserver;
import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.link.LinkSettings;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.ModuleLinks;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.policy.ConfigLoader;
import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.topology.Topology;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** A fault of the gateway where packets are taken in costs one packet, and nothing else. */
class IngressFaultsTest {

  private static final String YAML =
      """
      apiVersion: portcullis.dev/v1alpha1
      kind: PacketGateway
      metadata: {name: g}
      spec:
        workers: {replicas: 1}
        io:
          - {name: edge, ports: [{name: lan, zone: lan, driver: pcap}, {name: wan, zone: wan, driver: pcap}]}
        inline: [{name: pair, ports: [lan, wan]}]
        policy: p
      ---
      apiVersion: portcullis.dev/v1alpha1
      kind: GatewayPolicy
      metadata: {name: p}
      spec: {defaultAction: accept}
      """;

  private final List<String> told = new ArrayList<>();

  private void take(ModuleLinks links) {
    GatewaySpec spec =
        Objects.requireNonNull(ConfigLoader.parse("g.yaml", YAML).config()).gateway();
    Ingress ingress =
        new Ingress(
            Topology.of(spec),
            links,
            new Ingress.IngressCounts() {
              @Override
              public void passedOn() {
                told.add("passed on");
              }

              @Override
              public void dropped(PacketBatch batch, int i, DropReason reason) {
                told.add(batch.number[i] + " " + reason.label());
              }

              @Override
              public void failed(PacketBatch batch, int i, RuntimeException fault) {
                told.add(batch.number[i] + " failed");
              }
            });
    ingress.table(DistributionTable.of(spec, 1, 0, List.of(new Member(0, 1, "127.0.0.1", 1, 1))));
    PacketBatch batch = new PacketBatch(64);
    for (int i = 0; i < 3; i++) {
      batch.clearRow(i);
      batch.number[i] = i + 1;
      batch.dataLength[i] = 20;
    }
    batch.dataOffset[1] = 1 << 20; // a fault of a port: outside of the bytes
    batch.count = 3;
    ingress.take(batch);
  }

  @Test
  void shouldCostOnePacketWhereReadingItFails() throws Exception {
    LinkLoops loops = LinkLoops.start(1, "test");
    LinkLoop loop = loops.next();
    try (ModuleLinks links =
        ModuleLinks.create(
            ModuleId.io(0),
            1,
            new LinkLoop[] {loop},
            Map.of(),
            LinkSettings.defaults(),
            LinkSecurity.plaintext(),
            (lane, source, epoch, batch) -> {},
            LinkObserver.NONE)) {
      CompletableFuture<Void> taken = new CompletableFuture<>();
      loop.execute(
          () -> {
            links.connect(ModuleId.worker(0), 0, 0, "127.0.0.1", 1);
            take(links);
            taken.complete(null);
          });
      taken.join();
    } finally {
      loops.close();
    }
    assertEquals(List.of("passed on", "2 failed", "2 stage-failed", "passed on"), told);
  }
}
