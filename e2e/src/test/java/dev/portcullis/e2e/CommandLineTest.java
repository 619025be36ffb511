package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.portcullis.io.pcap.CaptureReader;
import dev.portcullis.io.pcap.Frame;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a person gets who mistypes, misconfigures or runs out of disk: a sentence and the right exit
 * code.
 */
class CommandLineTest {

  private static final String TRANSPARENT =
      Playground.ROOT.resolve("examples/transparent.yaml").toString();
  private static final Path CAPTURE =
      Playground.ROOT.resolve("examples/captures/http-pipelined-requests.pcap");

  @TempDir Path folder;

  private Said replay(String... more) {
    String[] all = {"replay", "-f", TRANSPARENT, "--out", folder.resolve("out").toString()};
    String[] arguments = Arrays.copyOf(all, all.length + more.length);
    System.arraycopy(more, 0, arguments, all.length, more.length);
    return Said.by(arguments);
  }

  private static void assertOneSentence(int exitCode, String contains, Said said) {
    assertEquals(exitCode, said.exitCode(), said.toString());
    assertEquals(1, said.err().lines().count(), said.toString());
    assertTrue(said.err().contains(contains), said.toString());
    assertFalse(said.err().contains("\tat "), said.toString());
  }

  @Test
  void shouldSuggestTheCommandThatWasMeant() {
    assertOneSentence(2, "did you mean", Said.by("repaly"));
  }

  @Test
  void shouldRefuseAnUnknownOption() {
    assertOneSentence(2, "--captur", replay("--captur", CAPTURE.toString()));
  }

  @Test
  void shouldSayHowAKilledWorkerIsWritten() {
    for (String wrong : List.of("10", "0:1", "ten:1", "10:worker-1")) {
      assertOneSentence(
          2,
          "--kill is \"" + wrong + "\"; allowed is PACKET:WORKER",
          replay("--capture", CAPTURE.toString(), "--kill", wrong));
    }
  }

  @Test
  void shouldSayThatThereIsNoSuchWorkerToKill() {
    assertOneSentence(
        2,
        "--kill 20:4: there are 2 workers before that packet, from number 0",
        replay("--capture", CAPTURE.toString(), "--scale", "10:2", "--kill", "20:4"));
  }

  @Test
  void shouldSayHowAChangeOfTheNumberOfWorkersIsWritten() {
    for (String wrong : List.of("10", "0:5", "10:0", "10:65", "ten:5")) {
      assertOneSentence(
          2,
          "--scale is \"" + wrong + "\"; allowed is PACKET:N",
          replay("--capture", CAPTURE.toString(), "--scale", wrong));
    }
  }

  @Test
  void shouldShowThatNothingBreaksWhileTheDemoScalesAndKillsAWorker() throws Exception {
    Path home = folder.resolve("home");
    Files.createDirectories(home);
    Files.createSymbolicLink(home.resolve("examples"), Playground.ROOT.resolve("examples"));
    String before = System.setProperty("portcullis.home", home.toString());
    try {
      Said said = Said.by("demo");
      assertEquals(0, said.exitCode(), said.toString());
      for (String line : List.of("3 → 5 workers", "5 → 2 workers", "worker 0 killed")) {
        assertTrue(
            said.out().lines().anyMatch(it -> it.contains(line) && it.endsWith(", 0 broken")),
            said.out());
      }
      assertTrue(said.out().contains("174 of 174 packets had the verdict"), said.out());
    } finally {
      System.setProperty("portcullis.home", before == null ? "." : before);
    }
  }

  @Test
  void shouldSayWhichSpeedIsAllowed() {
    assertOneSentence(
        2,
        "--speed is \"fast\"; allowed is",
        replay("--capture", CAPTURE.toString(), "--speed", "fast"));
  }

  @Test
  void shouldSayThatACaptureIsNotThere() {
    assertOneSentence(1, "there is no such file", replay("--capture", "/no/such.pcap"));
  }

  @Test
  void shouldSayThatAFileIsNoCapture() throws Exception {
    Path text = Files.writeString(folder.resolve("notes.txt"), "this is no capture");
    assertOneSentence(1, "is not a pcap or pcapng capture", replay("--capture", text.toString()));
  }

  @Test
  void shouldProcessWhatCanBeReadOfACutCapture() throws Exception {
    byte[] whole = Files.readAllBytes(CAPTURE);
    Path cut = folder.resolve("cut.pcap");
    Files.write(cut, Arrays.copyOf(whole, whole.length - 10));
    Said said = replay("--capture", cut.toString());
    assertOneSentence(1, "cut.pcap: damaged after frame 48", said);
    assertEquals(48, Files.readAllLines(folder.resolve("out/paths.jsonl")).size());
    assertTrue(Files.readString(folder.resolve("out/summary.json")).contains("\"forwarded\":48"));
  }

  @Test
  void shouldRefuseAnOutputFolderThatIsAFile() throws Exception {
    Files.writeString(folder.resolve("out"), "in the way");
    assertOneSentence(1, "out: cannot be written", replay("--capture", CAPTURE.toString()));
    assertEquals("in the way", Files.readString(folder.resolve("out")));
  }

  @Test
  void shouldSayWhichPortCannotWriteItsFile() throws Exception {
    Path yaml = folder.resolve("gateway.yaml");
    Files.writeString(
        yaml,
        Files.readString(Playground.ROOT.resolve("examples/transparent.yaml"))
            .replace(
                "{name: wan, zone: wan, driver: pcap}",
                "{name: wan, zone: wan, driver: pcap, pcap: {write: /no/such/folder/wan.pcapng}}"));
    assertOneSentence(
        1,
        "port wan: /no/such/folder/wan.pcapng: cannot be written: its folder is not there",
        Said.by("run", "-f", yaml.toString()));
  }

  @Test
  void shouldKeepWhatWasWrittenWhenTheFileSystemIsFull() throws Exception {
    Path small = Files.createDirectory(folder.resolve("small"));
    assumeTrue(
        run("mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", small.toString()) == 0,
        "needs root: a small file system is mounted");
    try {
      String[] captures = new String[42];
      captures[0] = "--capture";
      Arrays.fill(captures, 1, captures.length, CAPTURE.toString());
      String[] arguments = {"replay", "-f", TRANSPARENT, "--out", small.toString()};
      String[] all = Arrays.copyOf(arguments, arguments.length + captures.length);
      System.arraycopy(captures, 0, all, arguments.length, captures.length);
      Said said = Said.by(all);
      assertOneSentence(1, "cannot be written any further: No space left on device", said);
      assertTrue(frames(small.resolve("lan.pcapng")) > 50);
      assertFalse(Files.exists(small.resolve("summary.json")));
    } finally {
      run("umount", small.toString());
    }
  }

  private static int run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getInputStream().readAllBytes();
    return process.waitFor(20, TimeUnit.SECONDS) ? process.exitValue() : -1;
  }

  private static int frames(Path file) {
    int n = 0;
    try (CaptureReader reader = CaptureReader.open(file)) {
      Frame frame = new Frame();
      while (reader.next(frame)) {
        n++;
      }
    } catch (IOException e) {
      // cut where the file system was full
    }
    return n;
  }

  @Test
  void shouldRefuseAPortThatIsNotThere() {
    assertOneSentence(
        2,
        "--client-port dmz: the gateway has no such port; allowed is one of [lan, wan]",
        replay("--capture", CAPTURE.toString(), "--client-port", "dmz"));
  }

  @Test
  void shouldSayEveryFaultOfAConfigurationOnALineOfItsOwn() throws Exception {
    Path yaml = folder.resolve("bad.yaml");
    Files.writeString(
        yaml,
        Files.readString(Playground.ROOT.resolve("examples/branch.yaml"))
            .replace("replicas: 3", "replicas: -3")
            .replace("algorithm: ip-sum", "algorithm: ip-som")
            .replace("203.0.113.1/24", "203.0.113.1/240")
            .replace("defaultAction: drop", "defaultActoin: drop")
            .replace("port: wan, via", "port: van, via"));
    Said said = Said.by("validate", "-f", yaml.toString());
    assertEquals(1, said.exitCode());
    assertEquals(5, said.err().lines().count(), said.err());
    assertTrue(
        said.err().lines().allMatch(it -> it.matches(".*bad\\.yaml:\\d+: \\S+: .*")), said.err());
    assertTrue(said.err().contains("ip-sum"), said.err());
  }

  @Test
  void shouldSayThatAnHttpPortIsTaken() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress())) {
      String address = "127.0.0.1:" + taken.getLocalPort();
      assertOneSentence(
          3,
          address + " cannot be listened on",
          Said.by("run", "-f", TRANSPARENT, "--http", address));
    }
  }

  @Test
  void shouldRunWithPcapPortsUntilItIsToldToStop() throws Exception {
    Path yaml = folder.resolve("run.yaml");
    Path out = folder.resolve("wan-out.pcapng");
    Files.writeString(
        yaml,
        Files.readString(Path.of(TRANSPARENT))
            .replaceAll(
                "\\{name: lan, zone: lan, driver: pcap.*?}",
                "{name: lan, zone: lan, driver: pcap, pcap: {read: [" + CAPTURE + "]}}")
            .replaceAll(
                "\\{name: wan, zone: wan, driver: pcap.*?}",
                "{name: wan, zone: wan, driver: pcap, pcap: {write: " + out + "}}"));
    Process process =
        new ProcessBuilder(Said.command("-Xmx512m", "run", "-f", yaml.toString()))
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      assertEquals("gateway transparent runs", process.inputReader().readLine());
      Thread.sleep(1500);
      process.destroy();
      assertTrue(process.waitFor(20, TimeUnit.SECONDS));
      assertEquals(0, process.exitValue());
    } finally {
      process.destroyForcibly();
    }
    assertEquals(49, frames(out));
  }
}
