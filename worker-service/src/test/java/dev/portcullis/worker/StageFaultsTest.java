package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.worker.stage.Stage;
import dev.portcullis.worker.stage.StageName;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A fault of the gateway in a stage costs the packet that it worked on, and nothing else. */
class StageFaultsTest {

  private static final String SERVER = "198.51.100.7";
  private static final int VICTIM = 3;

  private final Network net = new Network(Network.branch("ip-sum", "record"), 1, 1);
  private int faults;

  /** Fails when it comes to the packet with the number {@link #VICTIM}. */
  private Stage failing(Stage stage) {
    return v -> {
      int from = v.from;
      int to = v.to;
      for (int i = from; i < to; i++) {
        if (v.batch.number[i] == VICTIM) {
          if (i > from) {
            v.to = i;
            stage.process(v);
            v.to = to;
          }
          v.current = i;
          faults++;
          throw new IllegalStateException("a fault for the test");
        }
      }
      stage.process(v);
    };
  }

  private void replace(String name) {
    net.workers
        .getFirst()
        .shards()
        .getFirst()
        .pipeline()
        .replaceStages(it -> it.getClass().getSimpleName().equals(name) ? failing(it) : it);
  }

  private static byte[] request(int i) {
    return Packets.tcp("10.0.1." + i, 4000, SERVER, 80, 2);
  }

  private List<DropReason> reasons(List<Network.Out> out) {
    return out.stream().filter(Network.Out::outcome).map(Network.Out::why).toList();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "DecodeStage",
        "DnatStage",
        "AclStage",
        "RelatedStage",
        "MtuStage",
        "FtpAcknowledgeStage",
        "StatefulStage",
        "SnatStage",
        "RedistributeStage",
        "FtpStage",
        "AnswerStage",
        "EmitStage",
      })
  void shouldCostOnePacketWhereverAStageFails(String stage) {
    replace(stage);
    List<byte[]> packets = new ArrayList<>();
    for (int i = 1; i <= 5; i++) {
      packets.add(request(i));
    }
    List<DropReason> expected = new ArrayList<>(Arrays.asList(new DropReason[5]));
    expected.replaceAll(it -> DropReason.NONE);
    expected.set(VICTIM - 1, DropReason.STAGE_FAILED);
    assertEquals(expected, reasons(net.in("lan", packets)));
    assertEquals(1, faults);
    assertEquals(1, failed());
    assertEquals(0, net.unaccounted());
    assertEquals(DropReason.NONE, net.in("lan", request(9)).why());
  }

  @Test
  void shouldCostOneFragmentWhereTheMeetingOfFragmentsFails() {
    replace("DefragmentStage");
    net.in("lan", request(1));
    List<byte[]> datagram =
        Fragments.of(Fragments.udp("10.0.1.2", 7, SERVER, 53, 800, new Random(1)), 3, 400);
    net.in("lan", datagram);
    assertEquals(1, faults);
    assertEquals(1, failed());
    assertEquals(0, net.unaccounted());
    assertEquals(DropReason.NONE, net.in("lan", request(9)).why());
  }

  @Test
  void shouldLeaveAPacketDroppedForTheReasonThatItHasWhereItsAnswerFails() {
    replace("AnswerStage");
    byte[] late = request(3);
    late[8] = 1;
    List<byte[]> packets = List.of(request(1), request(2), Packets.withChecksums(late));
    assertEquals(
        List.of(DropReason.NONE, DropReason.NONE, DropReason.TTL_EXPIRED),
        reasons(net.in("lan", packets)));
    assertEquals(1, faults);
    assertEquals(0, failed());
    assertEquals(0, net.unaccounted());
  }

  @Test
  void shouldNameEveryStageHere() {
    TreeSet<String> names = new TreeSet<>();
    net.workers
        .getFirst()
        .shards()
        .getFirst()
        .pipeline()
        .replaceStages(
            it -> {
              names.add(it.getClass().getSimpleName());
              return it;
            });
    assertEquals(
        "[AclStage, AnswerStage, DecodeStage, DefragmentStage, DnatStage, EmitStage,"
            + " FtpAcknowledgeStage, FtpStage, MtuStage, RedistributeStage, RelatedStage,"
            + " SnatStage, StatefulStage]",
        names.toString());
  }

  private long failed() {
    return net.workers
        .getFirst()
        .shards()
        .getFirst()
        .dropped(StageName.PIPELINE, DropReason.STAGE_FAILED);
  }
}
