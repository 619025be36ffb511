package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What hosts see through nftables and through Portcullis, with the same rules: each difference
 * stands, with its reason, in docs/netfilter.md. Needs root.
 */
class NetfilterTwinTest {

  private static final Path PAGE = Playground.ROOT.resolve("docs/netfilter.md");
  private static final Path SCRIPTS = Playground.ROOT.resolve("e2e/src/test/resources/twin");

  @TempDir Path folder;

  /** Makes the gateway of a site. */
  private interface Gateway {
    void start(LiveSite site) throws Exception;
  }

  @ParameterizedTest(name = "{0}, {1} shards")
  @CsvSource({"ip-sum, 1", "flow-hash, 2"})
  void shouldShowHostsWhatNetfilterShowsThemButForWhatIsExplained(String algorithm, int shards)
      throws Exception {
    List<String> programs = new ArrayList<>(List.of(HostServices.PROGRAMS));
    programs.addAll(List.of("ip", "nft", "sysctl", "ping", "python3", "traceroute", "tracepath"));
    Netns.need(programs.toArray(String[]::new));
    Files.createDirectories(folder.resolve("files"));
    Files.writeString(folder.resolve("files/small"), "small".repeat(200));
    Map<String, String> netfilter = seen(site -> Netfilter.start(site.net, shards, folder));
    Map<String, String> ours = seen(site -> site.start(algorithm, shards, LiveSite.Prefix.KEPT));
    assertEquals(netfilter.keySet(), ours.keySet());
    TreeSet<String> found = new TreeSet<>();
    netfilter.forEach(
        (name, result) -> {
          if (!result.equals(ours.get(name))) {
            found.add("| " + name + " | " + result + " | " + ours.get(name) + " |");
          }
        });
    assertEquals(String.join("\n", explained()), String.join("\n", found));
  }

  private Map<String, String> seen(Gateway gateway) throws Exception {
    try (LiveSite site = new LiveSite(LiveNetwork.Driver.ROUTED, folder)) {
      mirror(site.net.netns, site.net.server);
      mirror(site.net.netns, site.far);
      gateway.start(site);
      Map<String, String> seen = new LinkedHashMap<>();
      String cases = SCRIPTS.resolve("cases.py").toString();
      Path said = Files.createTempFile(folder, "outside", ".txt");
      Process outside = site.net.netns.start(site.net.server, said, "python3", cases, "outside");
      String inside = site.net.netns.run(site.net.client, "python3", cases, "inside");
      assertEquals(0, outside.waitFor(), () -> inside);
      for (String line : (inside + Files.readString(said)).lines().toList()) {
        String[] nameAndResult = line.split("\t", 2);
        seen.put(nameAndResult[0], nameAndResult[1]);
      }
      return seen;
    }
  }

  private void mirror(Netns netns, String host) throws Exception {
    Path log = folder.resolve("mirror-" + host + ".log");
    Process mirror = netns.start(host, log, "python3", SCRIPTS.resolve("mirror.py").toString());
    while (!Files.readString(log).contains("ready")) {
      assertTrue(mirror.isAlive(), Files.readString(log));
      Thread.sleep(50);
    }
  }

  /** The rows of the page, without their reason. */
  private static TreeSet<String> explained() throws Exception {
    TreeSet<String> rows = new TreeSet<>();
    for (String line : Files.readAllLines(PAGE)) {
      if (line.startsWith("| inside: ") || line.startsWith("| outside: ")) {
        rows.add(line.substring(0, line.lastIndexOf(" | ") + 2));
      }
    }
    return rows;
  }
}
