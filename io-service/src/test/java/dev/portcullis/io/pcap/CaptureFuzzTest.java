package dev.portcullis.io.pcap;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A damaged capture gives what can be read of it and one sentence; frames lie in their bytes. */
class CaptureFuzzTest {

  private static final Path FILE = temporary();

  private static Path temporary() {
    try {
      Path file = Files.createTempFile("fuzz", ".pcap");
      file.toFile().deleteOnExit();
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @FuzzTest(maxDuration = "60m")
  void shouldReadOrSayWhatIsDamaged(byte[] capture) throws IOException {
    Files.write(FILE, capture);
    LinkLayer linkLayer = new LinkLayer();
    try (CaptureReader reader = CaptureReader.open(FILE)) {
      Frame frame = new Frame();
      while (reader.next(frame)) {
        assertTrue(frame.length >= 0 && frame.length <= frame.bytes.length);
        linkLayer.parse(frame);
        assertTrue(linkLayer.l2Length <= frame.length);
      }
    } catch (CaptureDamagedException e) {
      assertTrue(String.valueOf(e.getMessage()).lines().count() == 1);
    }
  }

  @FuzzTest(maxDuration = "60m")
  void shouldFindTheIpPacketInsideTheFrame(byte[] frame) {
    LinkLayer linkLayer = new LinkLayer();
    for (int linkType : new int[] {0, 1, 9, 12, 14, 101, 108, 113, 228, 229, 276, 147}) {
      linkLayer.parse(linkType, frame, frame.length);
      assertTrue(linkLayer.l2Length >= 0 && linkLayer.l2Length <= frame.length);
    }
  }
}
