package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.counters.Counter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Two IO modules, three workers and a switch as processes of their own between real hosts. Needs
 * root.
 */
class LiveProcessesTest {

  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource(
      value = LiveNetwork.Driver.class,
      names = {"ROUTED", "VXLAN"})
  void shouldCarryRealHostsOverTwoIoProcessesThreeWorkersAndASwitch(LiveNetwork.Driver driver)
      throws Exception {
    Netns.need("ip", "sysctl", "curl", "ping", "python3", "ethtool");
    byte[] content = new byte[5_000_000];
    new Random(20261125).nextBytes(content);
    Path files = Files.createDirectories(folder.resolve("files"));
    Files.write(files.resolve("large"), content);
    try (LiveNetwork net = new LiveNetwork(driver, folder);
        ModuleProcesses modules = new ModuleProcesses(folder, Netns.inside(net.gateway))) {
      modules.startAll(net.yaml("ip-sum", 1));
      net.serve(net.server, files, 8080);
      String said = net.netns.run(net.client, "ping", "-c", "3", "-W", "20", net.serverV4);
      assertTrue(said.contains(" 3 received"), said);
      for (String to : List.of(net.serverV4, "[" + net.serverV6 + "]")) {
        String fetched = folder.resolve("fetched").toString();
        String url = "http://" + to + ":8080/large";
        net.netns.run(net.client, "curl", "-sSf", "-m", "100", "-o", fetched, url);
        assertTrue(Arrays.equals(content, Files.readAllBytes(Path.of(fetched))));
      }
      modules.awaitBalance("live");
      assertTrue(modules.accounts().sum(Counter.REDISTRIBUTED_PACKETS, it -> true) > 0);
      assertEquals(0, net.forwardedByKernel());
      for (String name : new ArrayList<>(modules.names())) {
        assertEquals(0, modules.stop(name), name + ": " + Files.readString(modules.log(name)));
      }
    }
  }
}
