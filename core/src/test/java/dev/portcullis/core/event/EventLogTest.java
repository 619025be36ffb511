package dev.portcullis.core.event;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.portcullis.core.policy.GatewaySpec;
import dev.portcullis.core.policy.GatewaySpec.EveTarget;
import dev.portcullis.core.process.ModuleException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where events end up: files that rotate, sockets, disks that are full. */
class EventLogTest {

  private static final long HOUR_NS = 3_600_000_000_000L;

  @TempDir Path folder;
  private final List<String> problems = Collections.synchronizedList(new ArrayList<>());
  private final AtomicLong wallClockNs = new AtomicLong(System.currentTimeMillis() * 1_000_000L);
  private final EveLine line = new EveLine();

  private EventLog open(EveTarget to, Path path, int sizeBytes, int keep) throws Exception {
    GatewaySpec.Eve eve =
        new GatewaySpec.Eve(
            to, path.toString(), new GatewaySpec.Rotate(sizeBytes, HOUR_NS, keep), 65_536);
    GatewaySpec.Log spec =
        new GatewaySpec.Log(
            GatewaySpec.LogLevel.WARN, eve, List.of(), GatewaySpec.Drops.LOGGED, 1000, HOUR_NS);
    EventLog log = EventLog.open(spec, "worker-1", problems::add, wallClockNs::get);
    return java.util.Objects.requireNonNull(log);
  }

  private void offer(EventLog log, long number) {
    log.offer(line.clear().open('{').key("n").value(number).close('}').end());
  }

  private static void await(BooleanSupplier what) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!what.getAsBoolean()) {
      assertTrue(System.nanoTime() < deadline, "it did not happen within 20 s");
      Thread.sleep(5);
    }
  }

  @Test
  void shouldWriteLinesInOrderToTheFileOfTheModule() throws Exception {
    EventLog log = open(EveTarget.FILE, folder.resolve("eve-{module}.json"), 1 << 20, 2);
    for (int i = 0; i < 1000; i++) {
      offer(log, i);
      log.awaitRoom();
    }
    log.close();
    List<String> lines = Files.readAllLines(folder.resolve("eve-worker-1.json"));
    assertEquals(1000, lines.size());
    assertEquals("{\"n\":0}", lines.getFirst());
    assertEquals("{\"n\":999}", lines.getLast());
    assertEquals(1000, log.written());
    assertEquals(List.of(), problems);
  }

  @Test
  void shouldPutALargeFileAsideAndKeepSoManyAsConfigured() throws Exception {
    Path file = folder.resolve("eve.json");
    EventLog log = open(EveTarget.FILE, file, 4096, 2);
    for (int i = 10_000; i < 12_000; i++) {
      offer(log, i);
      if (i % 50 == 0) {
        long written = i - 10_000 + 1;
        await(() -> log.written() == written);
      }
    }
    log.close();
    assertEquals(2000, log.written());
    assertTrue(Files.size(file) <= 4096);
    assertTrue(Files.size(folder.resolve("eve.json.1")) <= 4096);
    assertTrue(Files.exists(folder.resolve("eve.json.2")));
    assertFalse(Files.exists(folder.resolve("eve.json.3")));
    List<String> older = Files.readAllLines(folder.resolve("eve.json.1"));
    assertEquals("{\"n\":11999}", Files.readAllLines(file).getLast());
    assertTrue(older.getLast().compareTo(Files.readAllLines(file).getFirst()) < 0);
  }

  @Test
  void shouldPutAnOldFileAside() throws Exception {
    Path file = folder.resolve("eve.json");
    EventLog log = open(EveTarget.FILE, file, 1 << 20, 2);
    offer(log, 1);
    await(() -> log.written() == 1);
    wallClockNs.addAndGet(HOUR_NS + 60_000_000_000L);
    offer(log, 2);
    await(() -> log.written() == 2);
    offer(log, 3);
    log.close();
    assertEquals(List.of("{\"n\":1}"), Files.readAllLines(folder.resolve("eve.json.1")));
    assertEquals(List.of("{\"n\":2}", "{\"n\":3}"), Files.readAllLines(file));
  }

  @Test
  void shouldOpenTheFileAgainWhenAskedTo() throws Exception {
    Path file = folder.resolve("eve.json");
    EventLog log = open(EveTarget.FILE, file, 1 << 20, 2);
    offer(log, 1);
    await(() -> log.written() == 1);
    Files.move(file, folder.resolve("aside"));
    log.reopen();
    await(() -> Files.exists(file));
    offer(log, 2);
    log.close();
    assertEquals(List.of("{\"n\":1}"), Files.readAllLines(folder.resolve("aside")));
    assertEquals(List.of("{\"n\":2}"), Files.readAllLines(file));
  }

  @Test
  void shouldRefuseAFileThatAnotherLogWrites() throws Exception {
    Path file = folder.resolve("eve.json");
    EventLog log = open(EveTarget.FILE, file, 1 << 20, 2);
    ModuleException refused =
        assertThrows(ModuleException.class, () -> open(EveTarget.FILE, file, 1 << 20, 2));
    assertTrue(refused.sentence().contains("{module}"), refused.sentence());
    log.close();
  }

  @Test
  void shouldSayThatTheFolderIsNotThere() {
    ModuleException refused =
        assertThrows(
            ModuleException.class,
            () -> open(EveTarget.FILE, folder.resolve("no/eve.json"), 1 << 20, 2));
    assertTrue(refused.sentence().endsWith("cannot be written: there is no such folder"));
    assertEquals(1, refused.exitCode());
  }

  @Test
  void shouldGoOnWhenTheDiskIsFullAndResumeWhenThereIsRoom() throws Exception {
    Path small = Files.createDirectory(folder.resolve("small"));
    assumeTrue(
        run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small.toString()) == 0,
        "needs root: a small file system is mounted");
    try {
      Path filler = small.resolve("filler");
      EventLog log = open(EveTarget.FILE, small.resolve("eve.json"), 1 << 20, 2);
      offer(log, 1);
      await(() -> log.written() == 1);
      fill(filler);
      for (int i = 0; i < 2000 && log.lost() == 0; i++) {
        offer(log, i);
        log.awaitRoom();
      }
      await(() -> log.lost() > 0);
      assertEquals(1, problems.size(), problems.toString());
      assertTrue(problems.getFirst().contains("No space left on device"), problems.toString());
      Files.delete(filler);
      await(
          () -> {
            offer(log, 7);
            return problems.size() == 2;
          });
      assertTrue(problems.get(1).contains("again"), problems.toString());
      log.close();
      for (String it : Files.readAllLines(small.resolve("eve.json"))) {
        assertTrue(it.matches("\\{\"n\":\\d+}"), "a cut line: " + it);
      }
    } finally {
      run("umount", small.toString());
    }
  }

  private static void fill(Path file) {
    try (var out = Files.newOutputStream(file)) {
      while (true) {
        out.write(new byte[1024]);
      }
    } catch (IOException e) {
      // full
    }
  }

  private static int run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getInputStream().readAllBytes();
    return process.waitFor(20, TimeUnit.SECONDS) ? process.exitValue() : -1;
  }

  @Test
  void shouldWriteToASocketAndConnectAgain() throws Exception {
    Path path = folder.resolve("s");
    EventLog log = open(EveTarget.SOCKET, path, 4096, 0);
    offer(log, 1);
    await(() -> log.lost() == 1);
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(path));
      await(
          () -> {
            offer(log, 2);
            return log.written() > 0;
          });
      log.close();
      try (SocketChannel accepted = server.accept()) {
        assertNotNull(accepted);
        ByteBuffer buffer = ByteBuffer.allocate(8);
        assertEquals(8, accepted.read(buffer));
        assertEquals("{\"n\":2}\n", new String(buffer.array(), StandardCharsets.UTF_8));
      }
    }
  }

  @Test
  void shouldCountWhatFindsTheQueueFull() throws Exception {
    Path path = folder.resolve("s");
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(path));
      EventLog log = open(EveTarget.SOCKET, path, 4096, 0);
      long offered = 0;
      while (log.lost() == 0) {
        offer(log, offered++);
      }
      assertTrue(offered > 65_536 / 20, "the queue takes " + offered);
      SocketChannel accepted = server.accept();
      accepted.close();
      log.close();
    }
  }
}
