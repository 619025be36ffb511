package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.pipeline.Shard;
import dev.portcullis.worker.stage.StageName;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * No message of another shard makes a worker fail, at once or later, and what it tells of is
 * forgotten in time.
 */
class MessageFuzzTest {

  /** Later than all that a message can tell of: a flow lives as long as its last packet says. */
  private static final long AT_LAST_NS = Long.MAX_VALUE / 2;

  /** Messages of a type that are changed. */
  private static final int OF_A_TYPE = 4;

  private static final int MOST_MESSAGES = 8;

  private static final GatewayConfig CONFIG =
      Network.load(
          Network.branch("flow-hash", "record")
              .replace("replicas: 16", "replicas: 3")
              .replace("ports: 1024-65535", "ports: 1024-1279")
              .replace(
                  "  policy: p\n",
                  "  limits: {flows: 256, paths: 256, halfOpen: 256, expectations: 16, fragments: 16}\n"
                      + "  policy: p\n"));

  private static final List<byte[]> SOUND = sound();

  /** What workers say to each other while connections live and their number changes. */
  private static List<byte[]> sound() {
    Network network = new Network(CONFIG, 3, 1);
    List<Connection> all = new ArrayList<>();
    for (int round = 0; round < 6; round++) {
      for (int i = 0; i < 8; i++) {
        all.add(new Connection(network, "10.1.2." + (1 + i), 4000 + round, 443).open().passes());
      }
      FtpSession control =
          FtpSession.of(network, "10.0.0." + (9 + round), 40_000, "198.51.100.7", 21);
      control.open();
      control.fromServer("220 ready\r\n");
      control.fromClient("USER anonymous\r\n");
      control.fromServer("227 (198,51,100,7,20,7)\r\n");
      network.scale(1 + round % 3);
      all.removeIf(MessageFuzzTest::ends);
      network.timeNs += 60_000_000_000L;
      network.tick();
    }
    Map<Byte, Integer> types = new HashMap<>();
    return network.messages.stream()
        .filter(it -> types.merge(it[0], 1, Integer::sum) <= OF_A_TYPE)
        .toList();
  }

  private static boolean ends(Connection it) {
    if (it.port % 2 == 0) {
      it.reply(PacketHeader.RST | PacketHeader.ACK, "");
    }
    return it.port % 2 == 0;
  }

  private static long sum(Network network, ToLongFunction<Shard> of) {
    return network.workers.stream().flatMap(it -> it.shards().stream()).mapToLong(of).sum();
  }

  /**
   * The input changes sound messages: which one, to which worker, how many bytes of it are others,
   * where (two bytes), and what they are.
   */
  @FuzzTest(maxDuration = "60m")
  void shouldTakeWhateverAnotherWorkerSays(byte[] data) {
    Network network = new Network(CONFIG, 3, 1);
    new Connection(network, "10.1.2.3", 4000, 443).open().passes();
    int at = 0;
    for (int messages = 0; messages < MOST_MESSAGES && at + 3 <= data.length; messages++) {
      byte[] message = SOUND.get((data[at] & 0xff) % SOUND.size()).clone();
      int worker = (data[at + 1] & 0xff) % network.workers.size();
      int changes = data[at + 2] & 0xff;
      at += 3;
      for (; changes > 0 && at + 3 <= data.length; changes--, at += 3) {
        int place = (data[at] & 0xff) << 8 | data[at + 1] & 0xff;
        message[place % message.length] = data[at + 2];
      }
      network.message(worker, message);
    }
    network.in("lan", Packets.tcp("10.1.2.4", 4000, Connection.SERVER, 443, PacketHeader.SYN));
    network.scale(2);
    network.scale(3);
    assertEquals(0, sum(network, it -> it.dropped(StageName.PIPELINE, DropReason.STAGE_FAILED)));
    assertEquals(0, network.unaccounted());
    network.tick(AT_LAST_NS);
    network.tick(AT_LAST_NS);
    assertEquals(0, sum(network, it -> it.pipeline().flows().size()));
    new Connection(network, "10.1.2.5", 4000, 443).open().passes();
  }

  /** Every type of message takes part but 14, by which one of 13 says that state is missing. */
  @Test
  @Tag("jazzer") // like the other test of this class: build/fuzz and the build ask for it
  void shouldHaveSoundMessagesOfEveryType() {
    Set<Integer> types = new HashSet<>();
    SOUND.forEach(it -> types.add((int) it[0]));
    assertEquals(Set.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13), types);
  }
}
