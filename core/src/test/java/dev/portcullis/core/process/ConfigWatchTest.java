package dev.portcullis.core.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.policy.LiveChange;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigWatchTest {

  private static final String YAML =
      """
      apiVersion: portcullis.dev/v1alpha1
      kind: PacketGateway
      metadata: {name: g}
      spec:
        io: [{name: io-a, ports: [{name: lan, zone: lan}, {name: wan, zone: wan}]}]
        inline: [{name: bump, ports: [lan, wan]}]
        policy: p
      ---
      apiVersion: portcullis.dev/v1alpha1
      kind: GatewayPolicy
      metadata: {name: p}
      spec: {defaultAction: drop}
      """;

  @TempDir Path folder;
  private final BlockingQueue<ModuleFiles.Loaded> taken = new LinkedBlockingQueue<>();
  private final BlockingQueue<String> said = new LinkedBlockingQueue<>();
  private Path file;
  private ConfigWatch watch;

  @BeforeEach
  void start() throws Exception {
    file = Files.writeString(folder.resolve("g.yaml"), YAML);
    follow(LiveChange.OF_ONE_PROCESS, 20);
  }

  private void follow(LiveChange allowed, long pollMs) throws Exception {
    watch =
        ConfigWatch.start(
            List.of(file), ModuleFiles.load(List.of(file)), allowed, taken::add, said::add, pollMs);
  }

  @AfterEach
  void stop() {
    watch.close();
  }

  /** All at once: a file that is read while it is written has faults of its own. */
  private void write(String text) throws IOException {
    Path next = Files.writeString(file.resolveSibling("next"), text);
    Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
  }

  private String said() throws InterruptedException {
    String sentence = said.poll(20, TimeUnit.SECONDS);
    assertNotNull(sentence, "nothing was said");
    return sentence;
  }

  @Test
  void shouldTakeAPolicyWhenItsFileHasChanged() throws Exception {
    write(YAML.replace("drop", "accept"));
    assertEquals("the configuration has changed: the policy has 0 rules now", said());
    assertEquals(1, taken.size());
    assertEquals("ACCEPT", taken.remove().config().policy().defaultAction().name());
  }

  @Test
  void shouldSayEveryFaultAndChangeNothing() throws Exception {
    write(YAML.replace("drop", "drp").replace("zone: wan", "zon: wan"));
    List<String> lines = said().lines().toList();
    assertEquals(4, lines.size(), lines::toString);
    assertTrue(lines.get(0).contains("g.yaml:5: spec.io[0].ports[1].zon"), lines::toString);
    assertTrue(lines.get(2).contains("g.yaml:12: spec.defaultAction"), lines::toString);
    assertEquals("the old configuration stays in use", lines.getLast());
    assertEquals(0, taken.size());
    write(YAML.replace("drop", "reject"));
    said();
    assertEquals(1, taken.size());
  }

  @Test
  void shouldTakeAnotherLogLevel() throws Exception {
    write(YAML.replace("policy: p", "policy: p\n  log: {level: error}"));
    assertEquals(
        "the configuration has changed: the policy has 0 rules now, the log level is error",
        said());
    assertEquals(Level.SEVERE, Logger.getLogger("dev.portcullis").getLevel());
    assertEquals(1, taken.size());
  }

  @Test
  void shouldRefuseAnotherTargetOfEvents() throws Exception {
    write(YAML.replace("policy: p", "policy: p\n  log: {eve: {to: stdout}}"));
    assertTrue(said().startsWith("spec.log has changed, which takes a restart"));
    assertEquals(0, taken.size());
  }

  @Test
  void shouldRefuseWhatTakesARestart() throws Exception {
    write(YAML.replace("zone: wan", "zone: dmz").replace("policy: p", "limits: {flows: 1000}"));
    assertEquals(
        "spec.io, spec.limits have changed, which takes a restart of the gateway; what it takes"
            + " while it runs is another policy, spec.policy, spec.onPolicyChange, spec.workers.quantity and"
            + " spec.log.level; the old configuration stays in use",
        said());
    assertEquals(0, taken.size());
  }

  @Test
  void shouldSayThatAFileIsGone() throws Exception {
    Files.delete(file);
    watch.readNow();
    assertTrue(said().contains("the file cannot be read"));
    assertEquals(0, taken.size());
  }

  @Test
  void shouldTakeMoreWorkersOnlyWhereTheyAreProcessesOfTheirOwn() throws Exception {
    String more = YAML.replace("spec:\n", "spec:\n  workers: {replicas: 4}\n");
    write(more);
    watch.readNow();
    assertTrue(said().startsWith("spec.workers has changed, which takes a restart"));
    assertEquals(0, taken.size());
    watch.close();
    write(YAML);
    follow(LiveChange.OF_PROCESSES, 1_000_000);
    write(more);
    watch.readNow();
    said();
    assertEquals(1, taken.size());
  }

  @Test
  void shouldReadAtOnceWhenTold() throws Exception {
    watch.close();
    follow(LiveChange.OF_PROCESSES, 1_000_000);
    write(YAML.replace("drop", "accept"));
    watch.readNow();
    said();
    assertEquals(1, taken.size());
  }
}
