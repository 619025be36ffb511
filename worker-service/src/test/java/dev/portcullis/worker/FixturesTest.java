package dev.portcullis.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.policy.GatewayConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * The cases of {@code src/test/fixtures}: each is played with one worker and with several, with one
 * and two shards, for every algorithm that it is made for; all must give what the case says.
 */
class FixturesTest {

  private static final Path FOLDER = Path.of("src/test/fixtures");
  private static final String ALGORITHMS = "ip-sum flow-hash least-loaded expression";

  /** Not symmetric, and fails on some packets. */
  private static final String EXPRESSION =
      "expression, value: 'sport % 7 == 3 ? src / 0 : 3 * src + dst + sport'";

  private static final String PATHS = "record";
  private static final String WORKERS = "1 3 5";

  @TestFactory
  Stream<DynamicNode> shouldDoWhatTheFixtureSays() throws IOException {
    List<DynamicNode> areas = new ArrayList<>();
    for (Path area : children(FOLDER)) {
      if (Files.isDirectory(area) && !area.endsWith("gateways")) {
        List<DynamicTest> tests = new ArrayList<>();
        for (Path file : children(area)) {
          if (!file.toString().contains(System.getProperty("portcullis.fixture", ""))) {
            continue;
          }
          Fixture fixture = Fixture.read(file);
          tests.add(
              DynamicTest.dynamicTest(
                  file.getFileName().toString().replace(".txt", "") + ": " + fixture.sentence(),
                  () -> play(fixture)));
        }
        areas.add(DynamicContainer.dynamicContainer(area.getFileName().toString(), tests));
      }
    }
    return areas.stream();
  }

  private static List<Path> children(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    }
  }

  private static void play(Fixture fixture) {
    for (String algorithm : fixture.settings().getOrDefault("algorithms", ALGORITHMS).split(" ")) {
      if (algorithm.equals("expression")) {
        algorithm = EXPRESSION;
      }
      for (String path : fixture.settings().getOrDefault("paths", PATHS).split(" ")) {
        if (!algorithm.equals("least-loaded") || !path.equals("recompute")) {
          play(fixture, algorithm, path);
        }
      }
    }
  }

  private static void play(Fixture fixture, String algorithm, String path) {
    String gateway = gateway(fixture).replace("ALGORITHM", algorithm).replace("PATHMODE", path);
    GatewayConfig config = Network.load(gateway + document(fixture.gateway(), 1));
    for (String workers : fixture.settings().getOrDefault("workers", WORKERS).split(" ")) {
      for (int shards = 1; shards <= 2; shards++) {
        Network network = new Network(config, Integer.parseInt(workers), shards);
        network.l2[12] = 8; // Ethernet: IPv4
        assertEquals(
            List.of(),
            fixture.play(network, name -> gateway + document(name, 1)),
            fixture.sentence()
                + " ["
                + String.join(", ", algorithm, path, workers + " workers, " + shards + " shards")
                + "]");
      }
    }
  }

  /** The gateway of a case: the first document of its file, and what the case adds to it. */
  private static String gateway(Fixture fixture) {
    String gateway = document(fixture.gateway(), 0);
    String with = fixture.settings().get("with");
    return with == null ? gateway : gateway + "  " + with.replace("\n", "\n  ") + "\n";
  }

  /** Reads the gateway (0) or the policy (1) of a file in {@code gateways/}. */
  private static String document(String name, int which) {
    try {
      String all = Files.readString(FOLDER.resolve("gateways/" + name + ".yaml"));
      int policy = all.indexOf("---\n");
      return which == 0 ? all.substring(0, policy) : all.substring(policy);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void shouldNameOnlyReasonsThatThereAre() throws IOException {
    for (Path area : children(FOLDER)) {
      for (Path file : Files.isDirectory(area) ? children(area) : List.<Path>of()) {
        if (file.toString().endsWith(".txt")) {
          for (Fixture.Step step : Fixture.read(file).steps()) {
            assertTrue(
                Fixture.isVerdict(step.expected().verdict),
                file + ":" + step.line() + ": " + step.expected().verdict);
          }
        }
      }
    }
  }
}
