package dev.portcullis.standalone.bench;

import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.link.ModuleId;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Main program of the benchmark's child processes; people never start it. */
public final class BenchChild {

  /** Begins every line that is an answer: whatever else the process prints is not one. */
  static final String ANSWER = "= ";

  /** Begins an answer that says why a question could not be answered. */
  static final String REFUSAL = "failed: ";

  private BenchChild() {}

  /**
   * Plays one role until standard input ends.
   *
   * @param arguments name of the role and what it takes
   */
  public static void main(String[] arguments) throws IOException {
    try (Role role = role(arguments[0], Arrays.asList(arguments).subList(1, arguments.length));
        BufferedReader questions =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      for (String line = questions.readLine(); line != null; line = questions.readLine()) {
        System.out.println(ANSWER + answer(role, line));
      }
    }
    Runtime.getRuntime().halt(0);
  }

  private static String answer(Role role, String question) {
    try {
      return role.answer(question);
    } catch (Exception e) {
      return REFUSAL + (e.getMessage() == null ? e.toString() : e.getMessage());
    }
  }

  /** {@code plain}, which may be left out, {@code xds}, or the folder of {@link Certificates}. */
  private static LinkSecurity security(String kind, List<String> arguments, int at)
      throws IOException {
    return switch (arguments.size() > at ? arguments.get(at) : "plain") {
      case "plain" -> LinkSecurity.plaintext();
      case "xds" -> LinkSecurity.xds();
      case String folder -> new Certificates(Path.of(folder)).of(kind);
    };
  }

  /** The module that a role says it is: {@code io/0}. */
  private static ModuleId module(List<String> arguments, int at, ModuleId otherwise) {
    if (arguments.size() <= at) {
      return otherwise;
    }
    String[] it = arguments.get(at).split("/");
    return new ModuleId(
        ModuleId.Kind.valueOf(it[0].toUpperCase(Locale.ROOT)), Integer.parseInt(it[1]));
  }

  private static Role role(String name, List<String> arguments) throws IOException {
    return switch (name) {
      case "hop-sender" ->
          new HopSender(security("worker", arguments, 0), module(arguments, 1, HopSender.SELF));
      case "hop-receiver" -> new HopReceiver(security("worker", arguments, 0));
      case "hop-relay" -> new HopRelay(security("switch", arguments, 0));
      case "io" ->
          new IoRole(
              arguments.get(0), Integer.parseInt(arguments.get(1)), security("io", arguments, 2));
      case "wire-io" -> new WireIoRole(arguments.get(0));
      case "worker" -> new WorkerRole(arguments.get(0), security("worker", arguments, 1));
      case "soak-server" -> new SoakServerRole();
      case "soak-client" -> new SoakClientRole(arguments.get(0));
      default -> throw new IllegalArgumentException("no role has the name " + name);
    };
  }
}
