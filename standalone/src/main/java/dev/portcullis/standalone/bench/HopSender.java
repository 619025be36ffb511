package dev.portcullis.standalone.bench;

import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.link.LinkLoops;
import dev.portcullis.core.link.LinkObserver;
import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.link.LinkSettings;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.ModuleLinks;
import dev.portcullis.core.link.Outlet;
import dev.portcullis.core.packet.PacketBatch;
import java.util.Map;

/**
 * Role {@code hop-sender}: a worker that offers packets of 1,500 bytes to another as fast as the
 * channel takes them.
 */
final class HopSender implements Role {

  private static final int PACKET_BYTES = 1500;
  private static final int PACKETS_AT_ONCE = 128;
  private static final ModuleId RECEIVER = ModuleId.worker(0);
  static final ModuleId SELF = ModuleId.worker(1);

  private final LinkLoops loops = LinkLoops.start(1, "hop-sender");
  private final LinkLoop loop = loops.next();
  private final ModuleLinks links;
  private final PacketBatch batch = new PacketBatch(PACKET_BYTES);
  private final Runnable pump = this::pump;

  private volatile boolean going;
  private volatile String link = "not tried";
  private long number;

  HopSender(LinkSecurity security, ModuleId self) {
    links =
        ModuleLinks.create(
            self,
            1,
            new LinkLoop[] {loop},
            Map.of(),
            LinkSettings.defaults(),
            security,
            (_, _, _, _) -> {},
            new LinkObserver() {
              @Override
              public void up(ModuleId peer, int lane) {
                link = "up";
              }

              @Override
              public void down(ModuleId peer, int lane, String why) {
                link = why;
              }

              @Override
              public void unreachable(ModuleId peer, String why) {
                link = why;
              }
            });
    batch.count = 1;
    batch.clearRow(0);
    batch.vLow[0] = 0x0a09_0002;
    batch.dataLength[0] = PACKET_BYTES;
    batch.captureTimeNs[0] = System.currentTimeMillis() * 1_000_000;
  }

  @Override
  public String answer(String question) {
    String[] word = question.split(" ");
    switch (word[0]) {
      case "connect" -> links.connect(RECEIVER, 0, 0, word[1], Integer.parseInt(word[2]));
      case "through" -> HopRelay.through(links, RECEIVER, word[1], Integer.parseInt(word[2]));
      case "go" -> {
        going = true;
        loop.execute(pump);
      }
      case "stop" -> going = false;
      case "link" -> {
        return link;
      }
      default -> throw new IllegalArgumentException("unknown question: " + question);
    }
    return "done";
  }

  private void pump() {
    if (!going) {
      return;
    }
    Outlet outlet = links.outlet(0, RECEIVER, 0);
    for (int i = 0; i < PACKETS_AT_ONCE; i++) {
      batch.number[0] = ++number;
      if (!outlet.offer(batch, 0)) {
        links.whenWritable(outlet, pump);
        return;
      }
    }
    loop.execute(pump);
  }

  @Override
  public void close() {
    links.close();
    loops.close();
  }
}
