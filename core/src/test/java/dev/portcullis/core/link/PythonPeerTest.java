package dev.portcullis.core.link;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Generated protobuf code of another language speaks to a module and sees the same bytes. */
class PythonPeerTest {

  private static final String PYTHON = System.getProperty("portcullis.python", "python3");

  @Test
  void shouldSpeakWithGeneratedPythonCode() throws Exception {
    Process probe = new ProcessBuilder(PYTHON, "-c", "import grpc, grpc_tools").start();
    assumeTrue(
        probe.waitFor(60, TimeUnit.SECONDS) && probe.exitValue() == 0,
        PYTHON
            + " cannot import grpc and grpc_tools: pip install grpcio grpcio-tools, or name another with -Dportcullis.python");
    try (LinkLoops loops = LinkLoops.start(1, "test")) {
      LinkLoop loop = loops.next();
      ModuleLinks[] links = new ModuleLinks[1];
      links[0] =
          ModuleLinks.create(
              ModuleId.worker(0),
              77,
              new LinkLoop[] {loop},
              Map.of(),
              LinkSettings.defaults(),
              LinkSecurity.plaintext(),
              (lane, source, epoch, batch) -> {
                Outlet back = links[0].outlet(0, source, 0);
                for (int i = 0; i < batch.count; i++) {
                  back.offer(batch, i);
                }
                back.flush();
              },
              LinkObserver.NONE);
      int port = links[0].listen("127.0.0.1", 0).getPort();
      Process speaker =
          new ProcessBuilder(
                  PYTHON,
                  "src/test/python/speak.py",
                  "src/main/proto",
                  Integer.toString(port),
                  "2500")
              .redirectErrorStream(true)
              .start();
      if (!speaker.waitFor(60, TimeUnit.SECONDS)) {
        speaker.destroyForcibly();
      }
      String said = new String(speaker.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertEquals("spoke 2500\n", said);
      links[0].close();
    }
  }
}
