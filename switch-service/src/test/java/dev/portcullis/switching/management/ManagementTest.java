package dev.portcullis.switching.management;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.counters.Reading;
import dev.portcullis.core.distribution.DistributionTable;
import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.elastic.ControlMessage.Commit;
import dev.portcullis.core.elastic.ControlMessage.Done;
import dev.portcullis.core.elastic.ControlMessage.Prepare;
import dev.portcullis.core.elastic.ControlMessage.Prepared;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.management.ChangeOrder;
import dev.portcullis.core.management.ChangeShare;
import dev.portcullis.core.management.Directive;
import dev.portcullis.core.management.DirectiveListener;
import dev.portcullis.core.management.ManagementClient;
import dev.portcullis.core.management.ManagementWire;
import dev.portcullis.core.management.ModuleHello;
import dev.portcullis.core.management.proto.Hello;
import dev.portcullis.core.management.proto.ManagementGrpc;
import dev.portcullis.core.management.proto.ModuleReport;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ManagementTest {

  private static final String HOST = "127.0.0.1";
  private static final ChangeShare SHARE = new ChangeShare(3, 0, 0, 0, List.of());

  private final List<AutoCloseable> open = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable it : open.reversed()) {
      it.close();
    }
  }

  @Test
  void shouldTellEveryModuleTheFirstTableWhenTheLastWorkerComes() throws Exception {
    ManagementServer server = server(1, 0, 2);
    Module io = module(Gateways.lan(), server.port());
    Module first = module(Gateways.worker(0, 1), server.port());
    Module second = module(Gateways.worker(1, 1), server.port());
    for (Module it : List.of(first, second, io)) {
      Directive directive = it.next();
      it.client.acknowledge(directive.epoch());
      assertEquals(1, directive.epoch());
      assertEquals(Gateways.YAML, directive.policyYaml());
      DistributionTable table = directive.table(Gateways.gateway(2, null));
      assertEquals(7001, present(table.worker(1)).port());
    }
  }

  @Test
  void shouldGiveTheNewestTableToAModuleThatComesLate() throws Exception {
    ManagementServer server = server(1, 0, 1);
    module(Gateways.worker(0, 1), server.port()).next();
    Module again = module(Gateways.worker(0, 2), server.port());
    until(() -> server.status().epoch() == 2);
    again.client.acknowledge(2);
    assertEquals(2, module(Gateways.lan(), server.port()).next().epoch());
  }

  @Test
  void shouldTellAnIoModuleATableOnlyWhenAllItsWorkersFollowIt() throws Exception {
    ManagementServer server = server(1, 0, 2);
    Module io = module(Gateways.lan(), server.port());
    Module first = module(Gateways.worker(0, 1), server.port());
    Module second = module(Gateways.worker(1, 1), server.port());
    first.client.acknowledge(first.next().epoch());
    until(() -> server.status().acknowledged().getOrDefault(ModuleId.worker(0), 0) == 1);
    second.next();
    assertEquals(0, io.directives.size());
    second.client.acknowledge(1);
    assertEquals(1, io.next().epoch());
  }

  @Test
  void shouldHaveAModuleInTheStatusBeforeItIsToldAnything() throws Exception {
    ManagementServer server = server(1, 0, 1);
    for (int generation = 1; generation <= 100; generation++) {
      Module worker = module(Gateways.worker(0, generation), server.port());
      worker.next();
      assertEquals(generation, server.status().epoch());
      worker.client.close();
    }
  }

  @Test
  void shouldCollectAcknowledgementsPerModule() throws Exception {
    ManagementServer server = server(1, 0, 1);
    Module worker = module(Gateways.worker(0, 1), server.port());
    Module io = module(Gateways.lan(), server.port());
    worker.client.acknowledge(worker.next().epoch());
    until(() -> server.status().acknowledged().getOrDefault(ModuleId.worker(0), 0) == 1);
    io.client.acknowledge(io.next().epoch());
    until(() -> server.status().settled());
    assertEquals(1, server.status().acknowledged().get(ModuleId.io(0)));
  }

  @Test
  void shouldKeepTheLastTableWhileTheSwitchIsAwayAndTakeTheNewestWhenItIsBack() throws Exception {
    ManagementServer server = server(1, 0, 1);
    int port = server.port();
    Module worker = module(Gateways.worker(0, 1), port);
    worker.client.acknowledge(worker.next().epoch());
    until(() -> server.status().settled());
    server.close();
    until(() -> !worker.client.attached());
    assertEquals(1, present(worker.client.last()).epoch());

    ManagementServer back = server(2, port, 1);
    assertEquals(2, worker.next().epoch());
    assertEquals(2, present(worker.client.last()).term());
    worker.client.acknowledge(2);
    until(() -> back.status().settled());
  }

  @Test
  void shouldTryTheNextSwitchWhenOneIsNotThere() throws Exception {
    ManagementServer gone = server(1, 0, 1);
    int deadPort = gone.port();
    gone.close();
    ManagementServer server = server(1, 0, 1);
    Module worker =
        module(
            Gateways.worker(0, 1),
            List.of(
                new InetSocketAddress(HOST, deadPort), new InetSocketAddress(HOST, server.port())));
    assertEquals(1, worker.next().epoch());
  }

  @Test
  void shouldGoBackToTheFirstSwitchWithAllModulesWhenItIsThereAgain() throws Exception {
    ManagementServer first = server(1, 0, 2);
    ManagementServer second = server(2, 0, 2);
    int port = first.port();
    List<InetSocketAddress> both =
        List.of(new InetSocketAddress(HOST, port), new InetSocketAddress(HOST, second.port()));
    Module one = module(Gateways.worker(0, 1), both);
    Module other = module(Gateways.worker(1, 1), both);
    for (Module it : List.of(one, other)) {
      it.client.acknowledge(it.next().epoch());
    }
    assertEquals(Set.of(), second.status().attached());
    first.close();
    for (Module it : List.of(one, other)) {
      Directive directive = it.next();
      assertEquals(2, directive.epoch());
      assertEquals(2, directive.term());
      it.client.acknowledge(2);
    }
    ManagementServer back = server(3, port, 2);
    for (Module it : List.of(one, other)) {
      Directive directive = it.next();
      assertEquals(3, directive.epoch());
      assertEquals(3, directive.term());
    }
    until(() -> second.status().attached().isEmpty());
    assertEquals(2, back.status().attached().size());
    module(Gateways.worker(1, 2), both).next();
    assertEquals(4, one.next().epoch());
  }

  @Test
  void shouldTellTheFirstSwitchOfATableThatCameFromTheOtherWhileItWasAsked() throws Exception {
    ManagementServer gone = server(1, 0, 2);
    int port = gone.port();
    gone.close();
    ManagementServer second = server(2, 0, 2);
    Module worker =
        module(
            Gateways.worker(0, 1),
            List.of(new InetSocketAddress(HOST, port), new InetSocketAddress(HOST, second.port())));
    until(() -> second.status().attached().size() == 1);
    ManagementServer first = server(1, 0, 2);
    module(Gateways.worker(1, 1), first.port());
    CountDownLatch going = new CountDownLatch(1);
    try (ServerSocket slow = new ServerSocket(port, 50, InetAddress.getByName(HOST))) {
      Socket asked = slow.accept();
      Thread.sleep(500); // the hello, of a module without a table, is on its way
      module(Gateways.worker(1, 1), second.port());
      assertEquals(2, worker.next().term());
      passOn(asked, first.port());
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  while (true) {
                    passOn(slow.accept(), first.port());
                  }
                } catch (IOException e) {
                  going.countDown();
                }
              });
      Directive directive = worker.next();
      assertEquals(1, directive.term());
      assertEquals(2, directive.epoch());
    }
    going.await();
  }

  private static void passOn(Socket from, int port) throws IOException {
    Socket to = new Socket(HOST, port);
    for (Socket[] way : new Socket[][] {{from, to}, {to, from}}) {
      Thread.ofVirtual()
          .start(
              () -> {
                try (Socket in = way[0];
                    Socket out = way[1]) {
                  in.getInputStream().transferTo(out.getOutputStream());
                } catch (IOException e) {
                  return; // the other way has ended
                }
              });
    }
  }

  @Test
  void shouldTellAttachedModulesAChangedConfiguration() throws Exception {
    ManagementServer server = server(1, 0, 1);
    Module worker = module(Gateways.worker(0, 1), server.port());
    worker.next();
    server.configure(Gateways.gateway(1, null), "changed");
    Directive directive = worker.next();
    assertEquals(2, directive.epoch());
    assertEquals("changed", directive.policyYaml());
  }

  @Test
  void shouldTellAWorkerTheTableThatAChangeBeginsWithBeforeItsSteps() throws Exception {
    ManagementServer server = server(1, 0, 2);
    Module first = module(Gateways.worker(0, 1), server.port());
    Module second = module(Gateways.worker(1, 1), server.port());
    assertEquals(List.of("table 1"), first.told(1));
    assertEquals(List.of("table 1"), second.told(1));
    List<Long> blocked = new CopyOnWriteArrayList<>();
    assertEquals(
        List.of(Counter.SCALE_BLOCKED), server.observedBy((histogram, ns) -> blocked.add(ns)));
    server.configure(Gateways.gateway(2, 1), "changed");
    assertEquals(List.of("table 2"), first.told(1));
    assertEquals(List.of("table 2"), second.told(1));
    first.client.acknowledge(2);
    second.client.acknowledge(2);
    List<String> inOrder = List.of("Prepare", "Commit", "table 3", "Retire");
    assertEquals(inOrder, first.told(4));
    assertEquals(inOrder, second.told(4));
    assertEquals(List.of(0), numbers(server));
    assertTrue(
        server.scaleEvents().contains("\"flows_moved\":6,\"flows_broken\":0,"),
        server.scaleEvents());
    assertEquals(1, blocked.size());
  }

  @Test
  void shouldTakeAWorkerThatLeavesOutOfTheTable() throws Exception {
    ManagementServer server = server(1, 0, 2);
    Module first = module(Gateways.worker(0, 1), server.port());
    Module second = module(Gateways.worker(1, 1), server.port());
    assertEquals(List.of("table 1"), second.told(1));
    first.client.acknowledge(1);
    second.client.acknowledge(1);
    first.client.leave();
    assertEquals(List.of("Prepare", "Commit", "table 2", "Retire"), second.told(4));
    assertEquals(List.of(1), numbers(server));
  }

  private static List<Integer> numbers(ManagementServer server) {
    return server.status().workers().stream().map(Member::number).toList();
  }

  @Test
  void shouldRefuseAnotherProtocolVersionAndCountIt() throws Exception {
    ManagementServer server = server(1, 0, 1);
    Hello hello =
        ManagementWire.encode(Gateways.worker(0, 1)).getHello().toBuilder()
            .setProtocolVersion(99)
            .build();
    Status status = answer(server, ModuleReport.newBuilder().setHello(hello).build());
    assertEquals(Status.Code.UNIMPLEMENTED, status.getCode());
    assertEquals("protocol version 99 is not spoken here; version 1 is", status.getDescription());
    assertEquals(1, refused(server, "version"));
  }

  @Test
  void shouldRefuseAKindThatDoesNotExistAndCountIt() throws Exception {
    ManagementServer server = server(1, 0, 1);
    Hello hello =
        ManagementWire.encode(Gateways.worker(0, 1)).getHello().toBuilder().setKind(77).build();
    assertEquals(
        Status.Code.NOT_FOUND,
        answer(server, ModuleReport.newBuilder().setHello(hello).build()).getCode());
    assertEquals(1, refused(server, "unknown-module"));
  }

  @Test
  void shouldRefuseAnIdThatTheConfigurationDoesNotHaveAndCountIt() throws Exception {
    ManagementServer server = server(1, 0, 1);
    assertEquals(
        Status.Code.NOT_FOUND,
        answer(server, ManagementWire.encode(Gateways.worker(5, 1))).getCode());
    assertEquals(1, refused(server, "unknown-module"));
  }

  @Test
  void shouldRefuseALowerGenerationAndTellTheModule() throws Exception {
    ManagementServer server = server(1, 0, 1);
    Module worker = module(Gateways.worker(0, 9), server.port());
    worker.next();
    Module stale = module(Gateways.worker(0, 3), server.port());
    String sentence = present(stale.troubles.poll(30, TimeUnit.SECONDS));
    assertTrue(
        sentence.contains("worker/0 has generation 3; generation 9 has been here"), sentence);
    assertTrue(worker.client.attached());
    assertTrue(refused(server, "stale-generation") >= 1);
  }

  @Test
  void shouldRefuseAnAcknowledgementBeforeAHello() throws Exception {
    ManagementServer server = server(1, 0, 1);
    assertEquals(
        Status.Code.INVALID_ARGUMENT, answer(server, ManagementWire.acknowledgement(1)).getCode());
    assertEquals(1, refused(server, "malformed"));
  }

  @Test
  void shouldRefuseAnEmptyReport() throws Exception {
    ManagementServer server = server(1, 0, 1);
    assertEquals(
        Status.Code.INVALID_ARGUMENT, answer(server, ModuleReport.getDefaultInstance()).getCode());
  }

  @Test
  void shouldRefuseAReportThatIsTooLongAndKeepServingTheOthers() throws Exception {
    ManagementServer server = server(1, 0, 1);
    ModuleHello huge = ModuleHello.worker(0, 1, "x".repeat(1 << 20), 1, 1);
    assertEquals(
        Status.Code.RESOURCE_EXHAUSTED, answer(server, ManagementWire.encode(huge)).getCode());
    assertEquals(1, module(Gateways.worker(0, 1), server.port()).next().epoch());
  }

  @Test
  void shouldEndAStreamThatSaysNothing() throws Exception {
    Coordinator coordinator = new Coordinator(1, Gateways.gateway(1, null), Gateways.YAML);
    ManagementServer server =
        ManagementServer.start(coordinator, HOST, 0, LinkSecurity.plaintext(), 50);
    open.add(server);
    assertEquals(Status.Code.DEADLINE_EXCEEDED, answer(server).getCode());
    assertEquals(1, refused(server, "silent"));
  }

  @Test
  void shouldEndTheOlderStreamWhenAModuleAttachesAgain() throws Exception {
    ManagementServer server = server(1, 0, 1);
    ManagedChannel channel = channel(server);
    CompletableFuture<Status> end = new CompletableFuture<>();
    BlockingQueue<Integer> epochs = new LinkedBlockingQueue<>();
    StreamObserver<ModuleReport> reports =
        ManagementGrpc.newStub(channel).attach(observer(epochs, end));
    reports.onNext(ManagementWire.encode(Gateways.worker(0, 1)));
    assertEquals(1, present(epochs.poll(30, TimeUnit.SECONDS)));
    Module again = module(Gateways.worker(0, 1), server.port());
    assertEquals(1, again.next().epoch());
    assertEquals(Status.Code.ABORTED, end.get(30, TimeUnit.SECONDS).getCode());
    assertEquals(Set.of(ModuleId.worker(0)), server.status().attached());
  }

  private static long refused(ManagementServer server, String cause) {
    return server.readings().stream()
        .filter(
            it ->
                it.counter() == Counter.MANAGEMENT_REFUSED
                    && it.labelValues().equals(List.of(cause)))
        .mapToLong((Reading it) -> it.value().getAsLong())
        .sum();
  }

  private ManagementServer server(long term, int port, int workers) throws IOException {
    Coordinator coordinator = new Coordinator(term, Gateways.gateway(workers, null), Gateways.YAML);
    ManagementServer server =
        ManagementServer.start(coordinator, HOST, port, LinkSecurity.plaintext());
    open.add(server);
    return server;
  }

  private Module module(ModuleHello hello, int port) {
    return module(hello, List.of(new InetSocketAddress(HOST, port)));
  }

  private Module module(ModuleHello hello, List<InetSocketAddress> switches) {
    Module module = new Module(hello, switches);
    open.add(module.client);
    return module;
  }

  private ManagedChannel channel(ManagementServer server) {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress(
                HOST, server.port(), io.grpc.InsecureChannelCredentials.create())
            .build();
    open.add(channel::shutdownNow);
    return channel;
  }

  /** Sends reports as they are and returns how the stream ends. */
  private Status answer(ManagementServer server, ModuleReport... reports) throws Exception {
    CompletableFuture<Status> end = new CompletableFuture<>();
    StreamObserver<ModuleReport> out =
        ManagementGrpc.newStub(channel(server)).attach(observer(new LinkedBlockingQueue<>(), end));
    for (ModuleReport report : reports) {
      out.onNext(report);
    }
    return end.get(30, TimeUnit.SECONDS);
  }

  private static StreamObserver<dev.portcullis.core.management.proto.Directive> observer(
      BlockingQueue<Integer> epochs, CompletableFuture<Status> end) {
    return new StreamObserver<>() {
      @Override
      public void onNext(dev.portcullis.core.management.proto.Directive directive) {
        epochs.add(directive.getEpoch());
      }

      @Override
      public void onError(Throwable cause) {
        end.complete(Status.fromThrowable(cause));
      }

      @Override
      public void onCompleted() {
        end.complete(Status.OK);
      }
    };
  }

  private static void until(BooleanSupplier condition) throws InterruptedException {
    while (!condition.getAsBoolean()) {
      Thread.sleep(5); // bounded by the timeout of the class
    }
  }

  private static <T> T present(@Nullable T value) {
    assertNotNull(value);
    return value;
  }

  /** A module as far as management sees it. */
  private static final class Module implements DirectiveListener {
    final BlockingQueue<Directive> directives = new LinkedBlockingQueue<>();
    final BlockingQueue<String> troubles = new LinkedBlockingQueue<>();

    /** Directives and steps in the order in which they came. */
    final BlockingQueue<String> told = new LinkedBlockingQueue<>();

    final ManagementClient client;

    private final Life life;

    Module(ModuleHello hello, List<InetSocketAddress> switches) {
      life = new Life(hello.module(), hello.generation(), Math.max(1, hello.shards()));
      client =
          new ManagementClient(
              hello,
              switches,
              LinkSecurity.plaintext(),
              this,
              Runnable::run,
              new SplittableRandom(1));
      client.start();
    }

    Directive next() throws InterruptedException {
      return present(directives.poll(30, TimeUnit.SECONDS));
    }

    @Override
    public void onDirective(Directive directive) {
      told.add("table " + directive.epoch());
      directives.add(directive);
    }

    @Override
    public void onOrder(ChangeOrder order) {
      told.add(order.order().getClass().getSimpleName());
      switch (order.order()) {
        case Prepare it -> client.answer(new Prepared(life, it.next().epoch(), true), SHARE);
        case Commit it -> client.answer(new Done(life, it.epoch()), SHARE);
        default -> {}
      }
    }

    List<String> told(int count) throws InterruptedException {
      List<String> all = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        all.add(present(told.poll(30, TimeUnit.SECONDS)));
      }
      return all;
    }

    @Override
    public void onTrouble(String sentence) {
      troubles.add(sentence);
    }
  }
}
