package dev.portcullis.standalone.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A JVM of the benchmark with one {@link Role}: same {@code java}, same class path. It is spoken to
 * in lines: one question, one answer. It ends when the parent ends it, and by itself when its
 * standard input ends. Thread: one.
 */
final class ChildProcess {

  /** Flags of every child: a fixed heap and the collector that costs least on two cores. */
  private static final List<String> FLAGS =
      List.of(
          "-Xms256m",
          "-Xmx256m",
          "-XX:+UseSerialGC",
          "-XX:+UseTransparentHugePages",
          "-XX:-UsePerfData",
          "-Xshare:auto");

  private final String name;
  private final Process process;
  private final Writer questions;
  private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();
  private final Path errors;

  private ChildProcess(String name, Process process, Path errors) {
    this.name = name;
    this.process = process;
    this.errors = errors;
    this.questions = process.outputWriter(StandardCharsets.UTF_8);
  }

  /**
   * Starts a child.
   *
   * @param role role and its arguments, as {@link BenchChild} takes them
   * @param more flags of its own for the virtual machine
   * @param wrap puts {@code taskset}, {@code ip netns exec} and the like in front of the command
   *     line
   * @param cleanup ends the child
   */
  static ChildProcess start(
      List<String> role, List<String> more, UnaryOperator<List<String>> wrap, Cleanup cleanup)
      throws IOException {
    List<String> line = new ArrayList<>();
    line.add(ProcessHandle.current().info().command().orElse("java"));
    line.addAll(FLAGS);
    line.addAll(more);
    for (String flag : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
      if (flag.startsWith("--enable-native-access")
          || flag.startsWith("--sun-misc-unsafe-memory-access")
          || flag.startsWith("--add-opens")) {
        line.add(flag);
      }
    }
    String extra = System.getenv("PORTCULLIS_JAVA_OPTS");
    if (extra != null && !extra.isBlank()) {
      line.addAll(List.of(extra.strip().split("\\s+")));
    }
    line.addAll(List.of("-cp", System.getProperty("java.class.path"), BenchChild.class.getName()));
    line.addAll(role);
    Path errors = Files.createTempFile("portcullis-bench-" + role.getFirst(), ".err");
    Process process = Command.builder(wrap.apply(line)).redirectError(errors.toFile()).start();
    ChildProcess child = new ChildProcess(String.join(" ", role), process, errors);
    cleanup.add(child::end);
    // reading a pipe holds the carrier of a virtual thread
    Thread.ofPlatform().daemon().start(child::read);
    return child;
  }

  private void read() {
    try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.startsWith(BenchChild.ANSWER)) {
          answers.add(line.substring(BenchChild.ANSWER.length()));
        }
      }
    } catch (IOException _) {
      // the child was ended
    }
  }

  /**
   * Asks the child and waits for its answer.
   *
   * @throws IOException when the child has ended, refuses, or gives no answer within 60 s
   */
  String ask(String question) throws IOException, InterruptedException {
    try {
      questions.write(question + "\n");
      questions.flush();
    } catch (IOException _) {
      throw failed("has ended");
    }
    @Nullable String answer = null;
    for (int waited = 0; answer == null && waited < 600; waited++) {
      answer = answers.poll(100, TimeUnit.MILLISECONDS);
      if (answer == null && !process.isAlive() && answers.isEmpty()) {
        throw failed("has ended");
      }
    }
    if (answer == null) {
      throw failed("gave no answer to \"" + question + "\"");
    }
    if (answer.startsWith(BenchChild.REFUSAL)) {
      throw new IOException("The process \"" + name + "\" said: " + answer);
    }
    return answer;
  }

  /** Asks for the counters of the child. */
  Reading read(String question) throws IOException, InterruptedException {
    return Reading.parse(ask(question));
  }

  long pid() {
    return process.pid();
  }

  private IOException failed(String what) throws IOException {
    List<String> lines = Files.readAllLines(errors);
    String last = lines.isEmpty() ? "" : ": " + lines.get(Math.max(0, lines.size() - 1));
    return new IOException("The process \"" + name + "\" of the benchmark " + what + last);
  }

  private void end() {
    try {
      process.destroy();
      if (!process.waitFor(2, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
      Files.deleteIfExists(errors);
    } catch (InterruptedException _) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      System.err.println("The file " + errors + " could not be deleted: " + e.getMessage());
    }
  }
}
