package dev.portcullis.standalone.bench;

import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.link.LinkLoops;
import dev.portcullis.core.link.LinkObserver;
import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.link.LinkSettings;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.ModuleLinks;
import dev.portcullis.core.packet.PacketBatch;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/** Role {@code hop-receiver}: a worker that counts what arrives and does nothing with it. */
final class HopReceiver implements Role {

  private final LinkLoops loops = LinkLoops.start(1, "hop-receiver");
  private final AtomicLong packets = new AtomicLong();
  private final AtomicLong bytes = new AtomicLong();
  private final ModuleLinks links;

  HopReceiver(LinkSecurity security) {
    links =
        ModuleLinks.create(
            ModuleId.worker(0),
            1,
            new LinkLoop[] {loops.next()},
            Map.of(),
            LinkSettings.defaults(),
            security,
            (_, _, _, batch) -> count(batch),
            LinkObserver.NONE);
  }

  private void count(PacketBatch batch) {
    long taken = 0;
    for (int i = 0; i < batch.count; i++) {
      taken += batch.dataLength[i];
    }
    // single writer: the loop
    packets.lazySet(packets.getPlain() + batch.count);
    bytes.lazySet(bytes.getPlain() + taken);
  }

  @Override
  public String answer(String question) throws IOException {
    String[] word = question.split(" ");
    return switch (word[0]) {
      case "listen" -> word[1] + " " + links.listen(word[1], Integer.parseInt(word[2])).getPort();
      case "through" -> {
        HopRelay.through(links, HopSender.SELF, word[1], Integer.parseInt(word[2]));
        yield "done";
      }
      case "read" -> Reading.now(packets.get(), bytes.get()).line();
      default -> throw new IllegalArgumentException("unknown question: " + question);
    };
  }

  @Override
  public void close() {
    links.close();
    loops.close();
  }
}
