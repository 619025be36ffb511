package dev.portcullis.core.link;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import java.net.InetAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * Both ends of a channel over a network that loses, breaks and restarts, without threads or
 * sockets.
 */
class ChannelTest {

  private static final ModuleId A = ModuleId.worker(0);
  private static final ModuleId B = ModuleId.worker(1);
  private static final LinkSettings SETTINGS =
      new LinkSettings(
          20_000, 1 << 20, 100, 1, 1, 1_000_000_000L, 1_000_000_000L, InetAddress::getByName);

  private final List<Long> delivered = new ArrayList<>();
  private final PacketBatch row = new PacketBatch(4096);
  private final BatchHeader header = new BatchHeader();
  private final BatchCodec.Reader reader = new BatchCodec.Reader();
  private long lost;
  private long nowNs;

  /** One direction of a stream: messages on their way. */
  private static final class Pipe implements Channel.Wire {
    final ArrayDeque<byte[]> messages = new ArrayDeque<>();
    final Pipe other;
    boolean open = true;

    Pipe() {
      other = new Pipe(this);
    }

    private Pipe(Pipe other) {
      this.other = other;
    }

    @Override
    public boolean open() {
      return open;
    }

    @Override
    public boolean ready() {
      return true;
    }

    @Override
    public void send(LinkMessage message) {
      byte[] bytes = new byte[message.available()];
      System.arraycopy(message.head, 0, bytes, 0, message.headLength);
      System.arraycopy(message.body, 0, bytes, message.headLength, message.bodyLength);
      messages.add(bytes);
    }
  }

  private Channel end(ModuleId self, ModuleId peer, long generation) {
    return new Channel(
        self,
        0,
        peer,
        0,
        generation,
        SETTINGS,
        new LinkCounts(self, 0, peer, 0),
        (to, packets) -> lost += packets);
  }

  private void deliver(Pipe from, Channel to, boolean count) {
    byte[] bytes = from.messages.poll();
    if (bytes != null) {
      PacketBatch batch = new PacketBatch(0);
      assertEquals(null, reader.read(bytes, bytes.length, header, batch));
      if (to.arrived(from.other, header, bytes.length, nowNs) == Channel.Arrival.DELIVER && count) {
        for (int i = 0; i < batch.count; i++) {
          delivered.add(batch.number[i]);
        }
      }
      to.acknowledge(false);
    }
  }

  private void tick(Channel channel) {
    if (channel.tick(nowNs)) {
      channel.again();
    }
  }

  private void offer(Channel from, long number) {
    row.clearRow(0);
    row.number[0] = number;
    row.dataLength[0] = 1000;
    assertTrue(from.offer(row, 0));
  }

  private void offerTick(Channel from) {
    row.clearRow(0);
    row.flags[0] = PacketFlags.TICK;
    assertTrue(from.offer(row, 0));
  }

  private void exchange(Pipe forth, Channel sender, Channel receiver) {
    while (!forth.messages.isEmpty() || !forth.other.messages.isEmpty()) {
      deliver(forth, receiver, true);
      deliver(forth.other, sender, false);
    }
  }

  @Test
  void shouldLoseNothingToALifeThatHasEndedWhenATableNamesTheNext() {
    Channel sender = end(A, B, 1);
    Channel before = end(B, A, 1);
    Pipe forth = new Pipe(); // to a switch: it stays when the peer begins anew
    sender.wire(forth, 0, nowNs);
    before.wire(forth.other, 0, nowNs);
    exchange(forth, sender, before);
    offer(sender, 1);
    sender.flush();
    exchange(forth, sender, before);
    before.finish();
    exchange(forth, sender, before);
    Channel next = end(B, A, 2);
    sender.peerIs(2);
    offer(sender, 2);
    sender.flush();
    next.wire(forth.other, 0, nowNs);
    exchange(forth, sender, next);
    assertEquals(List.of(1L, 2L), delivered);
    assertEquals(0, lost);
  }

  @Test
  void shouldDeliverOnceAndInOrderOverEveryScheduleOfLossesAndBreaks() {
    for (long seed = 0; seed < 3000; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      delivered.clear();
      Channel sender = end(A, B, 1);
      Channel receiver = end(B, A, 1);
      Pipe forth = new Pipe();
      Pipe back = forth.other;
      sender.wire(forth, 0, nowNs);
      receiver.wire(back, 0, nowNs);
      int sent = 0;
      int misfortunes = 30;
      for (int step = 0; step < 4000 && delivered.size() < 40; step++) {
        nowNs += 10;
        switch (random.nextInt(8)) {
          case 0 -> {
            if (sent < 40) {
              offer(sender, ++sent);
              if (random.nextBoolean()) {
                sender.flush();
              }
            }
          }
          case 1, 2 -> deliver(forth, receiver, true);
          case 3, 4 -> deliver(back, sender, false);
          case 5 -> {
            if (misfortunes-- > 0) {
              (random.nextBoolean() ? forth : back).messages.poll();
            }
          }
          case 6 -> {
            if (misfortunes-- > 0 && random.nextInt(4) == 0) {
              forth.open = false;
              back.open = false;
              forth = new Pipe();
              back = forth.other;
              sender.wire(forth, 0, nowNs);
              receiver.wire(back, 0, nowNs);
            }
          }
          default -> {
            sender.flush();
            tick(sender);
            tick(receiver);
          }
        }
      }
      List<Long> expected = new ArrayList<>();
      for (long n = 1; n <= 40; n++) {
        expected.add(n);
      }
      assertEquals(expected, delivered, "seed " + seed);
    }
    assertEquals(0, lost);
  }

  @Test
  void shouldCountWhatAnEarlierLifeBehindASwitchMayHaveHadAndNotSendItAgain() {
    Channel sender = end(A, B, 1);
    Channel receiver = end(B, A, 1);
    Pipe forth = new Pipe();
    Pipe back = forth.other;
    sender.wire(forth, 0, nowNs);
    receiver.wire(back, 0, nowNs);
    for (int i = 0; i < 4; i++) {
      deliver(forth, receiver, true);
      deliver(back, sender, false);
    }
    offer(sender, 1);
    offerTick(sender);
    sender.flush();
    deliver(forth, receiver, true);
    assertEquals(List.of(1L, 0L), delivered);
    // the acknowledgement is lost with the life; the stream to the switch breaks too
    Pipe again = new Pipe();
    sender.wire(again, 0, nowNs);
    offer(sender, 2);
    sender.flush();
    Channel next = end(B, A, 2);
    Pipe answer = again.other;
    next.wire(answer, 0, nowNs);
    for (int i = 0; i < 10; i++) {
      deliver(again, next, true);
      deliver(answer, sender, false);
    }
    assertEquals(List.of(1L, 0L, 2L), delivered);
    assertEquals(1, lost);
  }

  /** Two ends that have met. */
  private final class Met {
    final Pipe forth = new Pipe();
    final Channel sender = end(A, B, 1);
    final Channel receiver = end(B, A, 1);
    private long last;

    Met() {
      sender.wire(forth, 0, nowNs);
      receiver.wire(forth.other, 0, nowNs);
      for (int i = 0; i < 4; i++) {
        take();
        hear();
      }
    }

    void say(int messages) {
      for (int i = 0; i < messages; i++) {
        offer(sender, ++last);
        sender.flush();
      }
    }

    void take() {
      deliver(forth, receiver, true);
    }

    void hear() {
      while (!forth.other.messages.isEmpty()) {
        deliver(forth.other, sender, false);
      }
    }

    void pass(long ns) {
      nowNs += ns;
      if (nowNs % (SETTINGS.resendNs() / 2) == 0) {
        tick(sender);
        tick(receiver);
      }
    }
  }

  @Test
  void shouldCatchUpWithAPeerThatStoodStillAndIsAsSlowAsItIsBusy() {
    Met met = new Met();
    // nobody takes anything for a while
    for (int i = 0; i < 60; i++) {
      met.say(met.sender.pendingBytes() < 32_000 ? 1 : 0);
      met.pass(10);
    }
    // then one message in 10 ns: a window takes longer than resendNs
    int taken = 0;
    for (; taken < 1000; taken++) {
      met.say(met.sender.pendingBytes() < 32_000 ? 1 : 0);
      met.take();
      met.hear();
      met.pass(10);
    }
    assertTrue(delivered.size() > taken * 9 / 10, delivered.size() + " of " + taken + " were new");
    assertTrue(met.sender.resent() < 10, met.sender.resent() + " were sent again");
  }

  @Test
  void shouldSendTheRestOnceWhenManyQuestionsForItArriveAtOnce() {
    Met met = new Met();
    met.say(10);
    for (int i = 0; i < 100; i++) {
      met.receiver.probe(met.forth.other);
    }
    met.hear();
    assertEquals(10, met.sender.resent());
  }

  @Test
  void shouldFindOutThatTheEndOfAWindowGotLost() {
    Met met = new Met();
    met.say(10);
    met.take();
    met.forth.messages.clear();
    for (int i = 0; i < 40; i++) {
      met.pass(50);
      met.take();
      met.hear();
    }
    assertEquals(10, delivered.size());
  }

  /** How long the sender waits before it takes another way, in ticks. */
  private int ticksUntilDoubt(Met met) {
    met.say(1);
    met.forth.messages.clear();
    for (int ticks = 1; ; ticks++) {
      nowNs += SETTINGS.resendNs() / 2;
      if (met.sender.tick(nowNs)) {
        return ticks;
      }
    }
  }

  @Test
  void shouldWaitForAPeerThatWasSlowUpToFourTimesAsLongAsForAnother() {
    Met met = new Met();
    for (int i = 0; i < 10; i++) {
      ticksUntilDoubt(met);
    }
    assertEquals(4 * SETTINGS.resendNs(), ticksUntilDoubt(met) * SETTINGS.resendNs() / 2);
  }

  @Test
  void shouldForgetHowSlowAPeerWasWhileNothingIsWaitedFor() {
    Met met = new Met();
    int quick = ticksUntilDoubt(met);
    for (int i = 0; i < 10; i++) {
      ticksUntilDoubt(met);
    }
    met.sender.again();
    for (int i = 0; i < 60; i++) {
      met.take();
      met.hear();
      met.pass(SETTINGS.resendNs() / 2);
    }
    assertEquals(quick, ticksUntilDoubt(met));
  }
}
