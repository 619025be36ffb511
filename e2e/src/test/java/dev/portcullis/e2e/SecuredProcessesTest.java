package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.Counter;
import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.link.LinkLoops;
import dev.portcullis.core.link.LinkObserver;
import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.link.LinkSettings;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.ModuleLinks;
import dev.portcullis.core.process.FlowPage;
import dev.portcullis.io.pcap.CaptureReader;
import dev.portcullis.io.pcap.Frame;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** IO module, worker and switch as processes whose links are mutual TLS by files. */
class SecuredProcessesTest {

  private static final Path CAPTURE =
      Playground.ROOT.resolve("examples/captures/http-pipelined-requests.pcap");

  /** From the IO module to the worker, and from the worker to the switch; each end counts. */
  private static final long STREAM_ENDS = 4;

  private static final List<String> KINDS = List.of("io", "worker", "switch", "management");

  @TempDir Path folder;
  private ModuleProcesses modules;
  private Path yaml;

  @BeforeEach
  void prepare() throws Exception {
    modules = new ModuleProcesses(folder);
    authority("ca");
    for (String kind : KINDS) {
      certificate(kind, kind, "ca", 2);
    }
    yaml =
        Files.writeString(
            folder.resolve("gateway.yaml"),
            """
            apiVersion: portcullis.dev/v1alpha1
            kind: PacketGateway
            metadata: {name: secured}
            spec:
              workers: {replicas: 1}
              io:
                - name: edge
                  ports:
                    - {name: lan, zone: lan, driver: pcap, pcap: {read: [%s]}}
                    - {name: wan, zone: wan, driver: pcap, pcap: {write: %s}}
              inline: [{name: bump, ports: [lan, wan]}]
              policy: all
            ---
            apiVersion: portcullis.dev/v1alpha1
            kind: GatewayPolicy
            metadata: {name: all}
            spec: {defaultAction: accept}
            """
                .formatted(CAPTURE, folder.resolve("wan.pcapng")));
  }

  @AfterEach
  void endProcesses() throws InterruptedException {
    modules.close();
  }

  private void authority(String name) throws Exception {
    openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
            + " -subj /CN=%s -keyout %s.key -out %s.pem".formatted(name, name, name));
  }

  /** Makes {@code name.pem} and {@code name.key}; what there was is exchanged. */
  private void certificate(String name, String kind, String authority, int days) throws Exception {
    Files.writeString(
        folder.resolve(kind + ".ext"), "subjectAltName=URI:spiffe://portcullis/" + kind + "\n");
    openssl(
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=%s -keyout %s.key"
                .formatted(name, name)
            + " -out %s.csr".formatted(name));
    openssl(
        "x509 -req -in %s.csr -CA %s.pem -CAkey %s.key -CAcreateserial -days %d -extfile %s.ext -out %s.pem"
            .formatted(name, authority, authority, days, kind, name));
  }

  private void openssl(String arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of("openssl"));
    command.addAll(List.of(arguments.split(" ")));
    Process process =
        new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes());
    assertTrue(process.waitFor(30, TimeUnit.SECONDS) && process.exitValue() == 0, said);
  }

  private String[] secured(String kind, String... more) {
    List<String> all = new ArrayList<>(List.of(more));
    all.addAll(
        List.of(
            "-f",
            yaml.toString(),
            "--cert",
            folder.resolve(kind + ".pem").toString(),
            "--key",
            folder.resolve(kind + ".key").toString(),
            "--ca",
            folder.resolve("ca.pem").toString()));
    return all.toArray(String[]::new);
  }

  @Test
  void shouldPassTrafficAndRefuseAndCountTheCertificateOfAnotherKind() throws Exception {
    String relay = "127.0.0.1:" + ModuleProcesses.freePort();
    String links = "127.0.0.1:" + ModuleProcesses.freePort();
    modules.start("switch", "switch", secured("switch", "--listen", relay));
    modules.start("worker", "worker", secured("worker", "0", "--switch", relay, "--listen", links));

    // a worker's certificate on a module that says it is the IO module: no table, no link
    modules.start("rogue", "io", secured("worker", "edge", "--switch", relay));
    modules.awaitCount(
        Counter.MANAGEMENT_REFUSED, it -> "identity".equals(it.get("cause")), "the certificate");
    modules.stop("rogue");
    linkAsIoWithTheCertificateOfAWorker(links);
    assertTrue(
        Files.readString(modules.log("worker"))
            .contains("the certificate does not name spiffe://portcullis/io"));

    // the IO module itself
    modules.start("io", "io", secured("io", "edge", "--switch", relay));
    modules.awaitReady();
    int frames = frames(CAPTURE);
    modules.awaitMetric(
        "io",
        "portcullis_packets_forwarded_total{module=\"io/0\",port=\"wan\"} " + (double) frames);
    modules.awaitBalance("secured");
    assertEquals(0, modules.stop("io"));
    assertEquals(frames, frames(folder.resolve("wan.pcapng")));
  }

  @Test
  void shouldClearFlowsForTheCertificateOfManagementAlone() throws Exception {
    String relay = "127.0.0.1:" + ModuleProcesses.freePort();
    String links = "127.0.0.1:" + ModuleProcesses.freePort();
    modules.start("switch", "switch", secured("switch", "--listen", relay));
    modules.start("worker", "worker", secured("worker", "0", "--switch", relay, "--listen", links));
    modules.start("io", "io", secured("io", "edge", "--switch", relay));
    modules.awaitReady();
    modules.awaitMetric(
        "io",
        "portcullis_packets_forwarded_total{module=\"io/0\",port=\"wan\"} "
            + (double) frames(CAPTURE));
    assertTrue(modules.get("worker", FlowPage.PATH).contains("src_ip"));

    Said refused = cleared("io", links);
    assertEquals(3, refused.exitCode());
    assertEquals(
        links
            + " has cleared no flows: the certificate does not name spiffe://portcullis/management\n",
        refused.err());
    assertEquals("cleared 0 flows\n", cleared("management", links, "--port", "1").out());
    assertEquals("cleared 1 flows\n", cleared("management", links, "--proto", "tcp").out());
    assertEquals("{\"flows\":[],\"more\":false}\n", modules.get("worker", FlowPage.PATH));
    modules.awaitMetric("worker", "portcullis_worker_flows_cleared_total{worker=\"0\"} 1.0");
  }

  private Said cleared(String kind, String links, String... more) {
    List<String> all = new ArrayList<>(List.of("flows", "clear", "--link", links));
    all.addAll(
        List.of(
            "--cert",
            folder.resolve(kind + ".pem").toString(),
            "--key",
            folder.resolve(kind + ".key").toString(),
            "--ca",
            folder.resolve("ca.pem").toString()));
    all.addAll(List.of(more));
    return Said.by(all.toArray(String[]::new));
  }

  @Test
  void shouldRefuseAndCountAPeerWithoutACertificateAndOneWhoseCertificateHasExpired()
      throws Exception {
    String relay = "127.0.0.1:" + ModuleProcesses.freePort();
    String links = "127.0.0.1:" + ModuleProcesses.freePort();
    modules.start("switch", "switch", secured("switch", "--listen", relay));
    modules.start("worker", "worker", secured("worker", "0", "--switch", relay, "--listen", links));
    modules.awaitReady();
    long before = refusedFor("worker/0");
    new ProcessBuilder("openssl", "s_client", "-alpn", "h2", "-connect", links)
        .redirectInput(Path.of("/dev/null").toFile())
        .redirectErrorStream(true)
        .redirectOutput(folder.resolve("s_client.log").toFile())
        .start()
        .waitFor();
    modules.awaitCount(
        Counter.LINK_REFUSED,
        it -> "identity".equals(it.get("cause")) && "worker/0".equals(it.get("module")),
        "a peer without certificate");
    assertEquals(before + 1, refusedFor("worker/0"));

    certificate("expired", "io", "ca", -1);
    modules.start("late", "io", secured("expired", "edge", "--switch", relay));
    modules.awaitCount(
        Counter.LINK_REFUSED,
        it -> "identity".equals(it.get("cause")) && "switch/0".equals(it.get("module")),
        "a peer with an expired certificate");
  }

  private long refusedFor(String module) throws Exception {
    return modules
        .accounts()
        .sum(
            Counter.LINK_REFUSED,
            it -> "identity".equals(it.get("cause")) && module.equals(it.get("module")));
  }

  @Test
  void shouldExchangeAllCertificatesWithoutBreakingAStream() throws Exception {
    String relay = "127.0.0.1:" + ModuleProcesses.freePort();
    modules.start("switch", "switch", secured("switch", "--listen", relay));
    modules.start("worker", "worker", secured("worker", "0", "--switch", relay));
    modules.start("io", "io", secured("io", "edge", "--switch", relay));
    modules.awaitReady();
    int frames = frames(CAPTURE);
    String forwarded =
        "portcullis_packets_forwarded_total{module=\"io/0\",port=\"wan\"} " + (double) frames;
    modules.awaitMetric("io", forwarded);
    // series of links are shown a moment after their first stream
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (count(Counter.LINK_CONNECTS) < STREAM_ENDS) {
      assertTrue(System.nanoTime() < deadline, "links are missing in the metrics");
      Thread.sleep(100);
    }
    long attempts = count(Counter.MANAGEMENT_RECONNECTS);

    // as it is done: both authorities are trusted, then certificates are exchanged, then one goes
    Files.copy(folder.resolve("ca.pem"), folder.resolve("old.pem"));
    Files.copy(folder.resolve("ca.key"), folder.resolve("old.key"));
    authority("new");
    String both =
        Files.readString(folder.resolve("old.pem")) + Files.readString(folder.resolve("new.pem"));
    Files.writeString(folder.resolve("ca.pem"), both);
    awaitRead();
    for (String kind : KINDS) {
      certificate(kind, kind, "new", 2);
    }
    awaitRead();
    Files.copy(
        folder.resolve("new.pem"), folder.resolve("ca.pem"), StandardCopyOption.REPLACE_EXISTING);
    awaitRead();
    assertEquals(STREAM_ENDS, count(Counter.LINK_CONNECTS));
    assertEquals(attempts, count(Counter.MANAGEMENT_RECONNECTS));

    // who has the new certificate gets in, who has the old one does not
    assertEquals(0, modules.stop("io"));
    certificate("yesterday", "io", "old", 2);
    modules.start("late", "io", secured("yesterday", "edge", "--switch", relay));
    modules.awaitCount(
        Counter.LINK_REFUSED, it -> "identity".equals(it.get("cause")), "the old certificate");
    modules.stop("late");
    modules.start("io", "io", secured("io", "edge", "--switch", relay));
    modules.awaitReady();
    modules.awaitMetric("io", forwarded);
  }

  private long count(Counter counter) throws Exception {
    return modules.accounts().sum(counter, it -> true);
  }

  /** Waits until every module has read its certificates again. */
  private void awaitRead() throws Exception {
    for (String name : modules.names()) {
      // the first reading to end may have begun before the files were exchanged
      awaitOneRead(name);
      awaitOneRead(name);
    }
  }

  private void awaitOneRead(String name) throws Exception {
    int before = reads(name);
    modules.hangUp(name);
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (reads(name) == before) {
      assertTrue(System.nanoTime() < deadline, Files.readString(modules.log(name)));
      Thread.sleep(50);
    }
  }

  private int reads(String name) throws Exception {
    return Files.readString(modules.log(name)).split("have been read again", -1).length - 1;
  }

  /** Dials the worker until it has said no. */
  private void linkAsIoWithTheCertificateOfAWorker(String links) throws Exception {
    LinkLoops loops = LinkLoops.start(1, "rogue");
    int colon = links.indexOf(':');
    try (ModuleLinks rogue =
        ModuleLinks.create(
            ModuleId.io(0),
            1,
            new LinkLoop[] {loops.next()},
            Map.of(),
            LinkSettings.defaults(),
            LinkSecurity.mutualTls(
                folder.resolve("worker.pem"),
                folder.resolve("worker.key"),
                folder.resolve("ca.pem")),
            (lane, source, epoch, batch) -> {},
            LinkObserver.NONE)) {
      rogue.connect(
          ModuleId.worker(0),
          0,
          0,
          links.substring(0, colon),
          Integer.parseInt(links.substring(colon + 1)));
      modules.awaitCount(
          Counter.LINK_REFUSED,
          it -> "identity".equals(it.get("cause")) && "worker/0".equals(it.get("module")),
          "the link");
    } finally {
      loops.close();
    }
  }

  private static int frames(Path capture) throws Exception {
    int n = 0;
    try (CaptureReader reader = CaptureReader.open(capture)) {
      Frame frame = new Frame();
      while (reader.next(frame)) {
        n++;
      }
    }
    return n;
  }
}
