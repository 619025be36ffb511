package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.portcullis.core.wire.Checksum;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A replay streams: it needs no more memory for a large capture than for a small one. */
class StreamingTest {

  /** Bytes of a frame; {@code -Dportcullis.streaming.frame=1500} plays many more, smaller ones. */
  private static final int FRAME = Integer.getInteger("portcullis.streaming.frame", 32_000);

  private static final long CAPTURE_BYTES = 2L << 30;
  private static final int FLOWS = 16;

  @TempDir Path folder;

  @Test
  void shouldReplayTwoGibibytesWithinHalfAGibibyteOfHeap() throws Exception {
    Path launcher = Playground.ROOT.resolve("portcullis");
    assumeTrue(
        Files.exists(Playground.ROOT.resolve("standalone/target/built")),
        "the programs are not built: run mvn verify, not mvn test");
    assumeTrue(
        Files.getFileStore(folder).getUsableSpace() > 3 * CAPTURE_BYTES,
        "the temporary folder has less than 6 GiB free");
    Path capture = folder.resolve("large.pcap");
    long frames = write(capture);
    Path out = folder.resolve("out");
    Path said = folder.resolve("said");
    ProcessBuilder replay =
        new ProcessBuilder(
                launcher.toString(),
                "replay",
                "-f",
                Playground.ROOT.resolve("examples/transparent.yaml").toString(),
                "--capture",
                capture.toString(),
                "--out",
                out.toString(),
                "--no-paths")
            .redirectErrorStream(true)
            .redirectOutput(said.toFile());
    replay.environment().put("PORTCULLIS_JAVA_OPTS", "-Xmx512m");
    long began = System.nanoTime();
    assertEquals(0, replay.start().waitFor(), () -> "said: " + read(said));
    System.out.println(
        frames + " frames replayed in " + (System.nanoTime() - began) / 1_000_000 + " ms");
    String summary = Files.readString(out.resolve("summary.json"));
    assertTrue(summary.contains("\"received\":" + frames + ",\"forwarded\":" + frames), summary);
    assertTrue(Files.size(out.resolve("wan.pcapng")) > CAPTURE_BYTES);
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }

  /** Writes UDP datagrams of few flows, full of zeros: the file has holes. Returns how many. */
  private static long write(Path capture) throws IOException {
    try (FileChannel file =
        FileChannel.open(capture, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      ByteBuffer head = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
      head.putInt(0xa1b2c3d4).putShort((short) 2).putShort((short) 4).putLong(0);
      file.write(head.putInt(262_144).putInt(101).flip(), 0);
      long frames = 0;
      long at = 24;
      while (at < CAPTURE_BYTES) {
        file.write(record(frames), at);
        at += 16 + FRAME;
        frames++;
      }
      file.write(ByteBuffer.allocate(1), at - 1);
      return frames;
    }
  }

  private static ByteBuffer record(long n) {
    int flow = (int) (n % FLOWS);
    ByteBuffer record = ByteBuffer.allocate(16 + 28);
    record.order(ByteOrder.LITTLE_ENDIAN);
    record.putInt((int) (1_700_000_000 + n / 1000)).putInt((int) (n % 1000) * 1000);
    record.putInt(FRAME).putInt(FRAME);
    record.order(ByteOrder.BIG_ENDIAN);
    record.putShort((short) 0x4500).putShort((short) FRAME).putInt(0x4000);
    record.put((byte) 64).put((byte) 17).putShort((short) 0);
    record.putInt(0x0a000001 + flow).putInt(0xc0000201);
    record.putShort((short) (1000 + flow)).putShort((short) 53).putShort((short) (FRAME - 20));
    record.putShort((short) 0);
    record.putShort(16 + 10, (short) ~Checksum.sum(record.array(), 16, 20, 0));
    return record.flip();
  }
}
