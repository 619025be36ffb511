package dev.portcullis.core.management;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.elastic.ControlMessage.Abort;
import dev.portcullis.core.elastic.ControlMessage.Answer;
import dev.portcullis.core.elastic.ControlMessage.Ask;
import dev.portcullis.core.elastic.ControlMessage.Commit;
import dev.portcullis.core.elastic.ControlMessage.Done;
import dev.portcullis.core.elastic.ControlMessage.Generation;
import dev.portcullis.core.elastic.ControlMessage.Missing;
import dev.portcullis.core.elastic.ControlMessage.Order;
import dev.portcullis.core.elastic.ControlMessage.Prepare;
import dev.portcullis.core.elastic.ControlMessage.Prepared;
import dev.portcullis.core.elastic.ControlMessage.Retire;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.elastic.Members;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.management.proto.ChangeAnswer;
import java.util.List;
import org.junit.jupiter.api.Test;

class ChangeWireTest {

  private static final Life IO = new Life(ModuleId.io(1), 77, 1);
  private static final Member FIRST = new Member(0, 5, "10.0.0.1", 7100, 2);
  private static final Member SECOND = new Member(1023, 6, "10.0.0.2", 7200, 2);

  private static Members table(int epoch, Member... workers) {
    List<Life> lives =
        new java.util.ArrayList<>(List.of(workers).stream().map(ChangeWire::life).toList());
    lives.add(IO);
    return new Members(epoch, lives);
  }

  private static ChangeOrder travelled(ChangeOrder it) {
    return ChangeWire.decode(ChangeWire.encode(it).getOrder());
  }

  @Test
  void shouldReadThePreparationOfATableWithAllAddresses() {
    Prepare prepare = new Prepare(9, table(3, FIRST), table(4, FIRST, SECOND));
    ChangeOrder read = travelled(new ChangeOrder(prepare, List.of(FIRST), List.of(FIRST, SECOND)));
    Prepare order = (Prepare) read.order();
    assertEquals(9, order.term());
    assertEquals(3, order.now().epoch());
    assertEquals(4, order.next().epoch());
    assertEquals(prepare.now().lives(), order.now().lives());
    assertEquals(prepare.next().lives(), order.next().lives());
    assertEquals(List.of(FIRST), read.now());
    assertEquals(List.of(FIRST, SECOND), read.next());
  }

  @Test
  void shouldReadEveryOtherStepAsItWasSent() {
    for (Order it :
        List.of(
            new Commit(9, 4),
            new Abort(9, 4),
            new Retire(9, 4),
            new Generation(9, IO, null),
            new Generation(9, IO, new Life(ModuleId.io(1), 78, 1)))) {
      assertEquals(ChangeOrder.of(it), travelled(ChangeOrder.of(it)));
    }
  }

  @Test
  void shouldRefuseStepsThatDoNotTravelAndStepsThatSayNothing() {
    assertThrows(
        IllegalArgumentException.class, () -> ChangeWire.encode(ChangeOrder.of(new Ask(9))));
    assertThrows(
        IllegalArgumentException.class,
        () ->
            ChangeWire.decode(
                dev.portcullis.core.management.proto.ChangeOrder.getDefaultInstance()));
  }

  @Test
  void shouldReadEveryAnswerAsItWasSentWithWhatTheChangeWas() {
    ChangeShare share =
        new ChangeShare(
            70_000,
            1,
            5_000_000_000L,
            12,
            List.of(
                new ChangeShare.Blocked(0, 3, 255, 5_000_000_000L),
                new ChangeShare.Blocked(1, 3, 7, 1)));
    for (Answer it :
        List.of(
            new Prepared(IO, 4, false),
            new Prepared(IO, 4, true),
            new Done(IO, 4),
            new Missing(IO, 4, ModuleId.io(2)))) {
      ChangeAnswer sent = ChangeWire.encode(it, share).getAnswer();
      assertEquals(it, ChangeWire.decode(IO, sent));
      assertEquals(it instanceof Done ? share : ChangeShare.NONE, ChangeWire.share(sent));
    }
    assertNull(ChangeWire.decode(IO, ChangeAnswer.getDefaultInstance()));
  }
}
