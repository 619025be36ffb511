package dev.portcullis.core.link;

import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Links with certificates: the kind in the certificate is the kind that a module may say it is. */
class MutualTlsTest {

  private static final String HOST = "127.0.0.1";
  private static final ModuleId IO = ModuleId.io(0);
  private static final ModuleId WORKER = ModuleId.worker(0);

  @TempDir static Path folder;
  private static LinkLoops loops;

  @BeforeAll
  static void makeCertificates() throws Exception {
    loops = LinkLoops.start(2, "test");
    for (String authority : List.of("ca", "stranger")) {
      openssl(
          "req",
          "-x509",
          "-newkey",
          "ec",
          "-pkeyopt",
          "ec_paramgen_curve:P-256",
          "-nodes",
          "-days",
          "2",
          "-subj",
          "/CN=" + authority,
          "-keyout",
          authority + ".key",
          "-out",
          authority + ".pem");
    }
    certificate("io", "io", "ca");
    certificate("worker", "worker", "ca");
    certificate("strange-io", "io", "stranger");
    certificate("expired-io", "io", "ca", "-1");
  }

  @AfterAll
  static void close() {
    loops.close();
  }

  private static void certificate(String name, String kind, String authority) throws Exception {
    certificate(name, kind, authority, "2");
  }

  private static void certificate(String name, String kind, String authority, String days)
      throws Exception {
    Files.writeString(
        folder.resolve(name + ".ext"), "subjectAltName=URI:spiffe://portcullis/" + kind + "\n");
    openssl(
        "req",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=" + name,
        "-keyout",
        name + ".key",
        "-out",
        name + ".csr");
    openssl(
        "x509",
        "-req",
        "-in",
        name + ".csr",
        "-CA",
        authority + ".pem",
        "-CAkey",
        authority + ".key",
        "-CAcreateserial",
        "-days",
        days,
        "-extfile",
        name + ".ext",
        "-out",
        name + ".pem");
  }

  private static void openssl(String... arguments) throws IOException, InterruptedException {
    List<String> command = new java.util.ArrayList<>(List.of("openssl"));
    command.addAll(List.of(arguments));
    Process process =
        new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes());
    assertTrue(process.waitFor(30, TimeUnit.SECONDS) && process.exitValue() == 0, said);
  }

  private static LinkSecurity security(String name) throws IOException {
    return LinkSecurity.mutualTls(
        folder.resolve(name + ".pem"), folder.resolve(name + ".key"), folder.resolve("ca.pem"));
  }

  /**
   * Whether packets get from an IO module with {@code security} to a worker, before the worker has
   * refused the module twice.
   */
  private static boolean arrive(LinkSecurity security, Ends worker) throws Exception {
    int port = worker.links.listen(HOST, 0).getPort();
    try (Ends io = new Ends(loops, IO, 1, security)) {
      io.links.connect(WORKER, 0, 0, HOST, port);
      io.send(WORKER, 100);
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
      while (worker.received.get() < 100
          && worker.refused(LinkFault.IDENTITY) < 2
          && System.nanoTime() < deadline) {
        Thread.sleep(5);
      }
      return worker.received.get() == 100;
    }
  }

  private static Ends worker() throws IOException {
    return new Ends(loops, WORKER, 1, security("worker"));
  }

  @Test
  void shouldCarryPacketsBetweenModulesWithTheirCertificates() throws Exception {
    try (Ends worker = worker()) {
      assertTrue(arrive(security("io"), worker));
    }
  }

  @Test
  void shouldRefuseAModuleWhoseCertificateNamesAnotherKind() throws Exception {
    try (Ends worker = worker()) {
      assertEquals(false, arrive(security("worker"), worker));
      assertTrue(worker.refused(LinkFault.IDENTITY) > 0);
    }
  }

  @Test
  void shouldRefuseAModuleOfAnotherAuthority() throws Exception {
    try (Ends worker = worker()) {
      assertEquals(false, arrive(security("strange-io"), worker));
      assertTrue(worker.refused(LinkFault.IDENTITY) > 0);
    }
  }

  @Test
  void shouldRefuseAModuleWhoseCertificateHasExpired() throws Exception {
    try (Ends worker = worker()) {
      assertEquals(false, arrive(security("expired-io"), worker));
      assertTrue(worker.refused(LinkFault.IDENTITY) > 0);
    }
  }

  @Test
  void shouldUseExchangedFilesForNewConnectionsAndKeepThoseThatAreThere() throws Exception {
    for (String file : List.of("worker.pem", "worker.key", "ca.pem")) {
      Files.copy(folder.resolve(file), folder.resolve("exchanged-" + file));
    }
    LinkSecurity exchanged =
        LinkSecurity.mutualTls(
            folder.resolve("exchanged-worker.pem"),
            folder.resolve("exchanged-worker.key"),
            folder.resolve("exchanged-ca.pem"));
    try (Ends worker = new Ends(loops, WORKER, 1, exchanged);
        Ends io = new Ends(loops, IO, 1, security("io"))) {
      int port = worker.links.listen(HOST, 0).getPort();
      io.links.connect(WORKER, 0, 0, HOST, port);
      io.send(WORKER, 100);
      await(() -> worker.received.get() == 100);

      Files.copy(
          folder.resolve("stranger.pem"), folder.resolve("exchanged-ca.pem"), REPLACE_EXISTING);
      exchanged.readAgain();
      io.send(WORKER, 100);
      await(() -> worker.received.get() == 200);
      try (Ends late = new Ends(loops, ModuleId.io(1), 1, security("io"))) {
        late.links.connect(WORKER, 0, 0, HOST, port);
        await(() -> worker.refused(LinkFault.IDENTITY) > 0);
      }

      Files.writeString(folder.resolve("exchanged-ca.pem"), "no certificate");
      assertThrows(IOException.class, exchanged::readAgain);
      io.send(WORKER, 100);
      await(() -> worker.received.get() == 300);
    }
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < deadline, "nothing came of it in a minute");
      Thread.sleep(5);
    }
  }

  @Test
  void shouldRefusePlainText() throws Exception {
    try (Ends worker = worker()) {
      assertEquals(false, arrive(LinkSecurity.plaintext(), worker));
      assertTrue(worker.refused(LinkFault.IDENTITY) > 0);
    }
  }

  @Test
  void shouldNameTheFileThatCannotBeRead() {
    IOException e = assertThrows(IOException.class, () -> security("nobody"));
    assertTrue(e.getMessage().contains("nobody.pem: cannot be read"), e.getMessage());
  }
}
