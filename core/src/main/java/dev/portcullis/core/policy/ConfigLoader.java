package dev.portcullis.core.policy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.api.lowlevel.Parse;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;

/**
 * Reads configurations and finds all of their faults at once. Never throws for what a file says.
 * One thread.
 */
public final class ConfigLoader {

  /** Greatest size of a file, in bytes: room for 10,000 rules of some 400 bytes. */
  public static final int MAX_FILE_BYTES = 4 << 20;

  /** Greatest number of aliases in a file, so that a small file cannot stand for a huge one. */
  public static final int MAX_ALIASES = 50;

  /** Greatest depth of objects and lists. */
  public static final int MAX_DEPTH = 32;

  private static final String API_VERSION = "portcullis.dev/v1alpha1";
  private static final List<String> KINDS = List.of("PacketGateway", "GatewayPolicy");

  private final List<Fault> faults = new ArrayList<>();
  private final StringBuilder source = new StringBuilder();
  private final Map<String, Bound<PolicySpec>> policies = new LinkedHashMap<>();
  private @Nullable Bound<GatewaySpec> gateway;
  private boolean gatewaySeen;

  private ConfigLoader() {}

  /** A document that was bound. */
  record Bound<T>(String name, T spec, Binder binder) {}

  /**
   * What was read.
   *
   * @param config the configuration, null where there are faults
   * @param faults every fault, in the order of files and lines
   * @param source all documents as they were given, as one YAML text
   */
  public record Result(@Nullable GatewayConfig config, List<Fault> faults, String source) {}

  /** Reads files; a file that cannot be read is a fault. */
  public static Result load(List<Path> files) {
    ConfigLoader loader = new ConfigLoader();
    for (Path file : files) {
      try {
        if (Files.isRegularFile(file) && Files.size(file) > MAX_FILE_BYTES) {
          loader.fault(
              file.toString(),
              1,
              "the file is too large; allowed are " + MAX_FILE_BYTES + " bytes.");
        } else {
          loader.read(file.toString(), Files.readString(file));
        }
      } catch (IOException | SecurityException e) {
        loader.fault(
            file.toString(), 1, "the file cannot be read; a readable UTF-8 file is needed.");
      }
    }
    return loader.finish(files.isEmpty() ? "-" : files.getFirst().toString());
  }

  /** Reads a text; {@code name} stands for the file in faults. */
  public static Result parse(String name, String yaml) {
    ConfigLoader loader = new ConfigLoader();
    loader.read(name, yaml);
    return loader.finish(name);
  }

  private void fault(String file, int line, String message) {
    faults.add(new Fault(file, line, "document", message));
  }

  private void read(String file, String yaml) {
    if (yaml.getBytes(StandardCharsets.UTF_8).length > MAX_FILE_BYTES) {
      fault(file, 1, "the file is too large; allowed are " + MAX_FILE_BYTES + " bytes.");
      return;
    }
    if (!source.isEmpty()) {
      source.append(source.charAt(source.length() - 1) == '\n' ? "---\n" : "\n---\n");
    }
    source.append(yaml);
    LoadSettings settings =
        LoadSettings.builder()
            .setLabel(file)
            .setUseMarks(true)
            .setCodePointLimit(MAX_FILE_BYTES)
            .build();
    int documents = 0;
    try {
      int depth = 0;
      int aliases = 0;
      for (Event event : new Parse(settings).parseString(yaml)) {
        int line = event.getStartMark().map(mark -> mark.getLine() + 1).orElse(1);
        switch (event.getEventId()) {
          case MappingStart, SequenceStart -> depth++;
          case MappingEnd, SequenceEnd -> depth--;
          case Alias -> aliases++;
          default -> {}
        }
        if (depth > MAX_DEPTH || aliases > MAX_ALIASES) {
          fault(
              file,
              line,
              depth > MAX_DEPTH
                  ? "the nesting is too deep; allowed are " + MAX_DEPTH + " levels."
                  : "there are too many aliases; allowed are " + MAX_ALIASES + ".");
          return;
        }
      }
      for (Node node : new Compose(settings).composeAllFromString(yaml)) {
        if (!Binder.isNull(node)) {
          documents++;
          document(file, node);
        }
      }
    } catch (MarkedYamlEngineException e) {
      int line = e.getProblemMark().map(mark -> mark.getLine() + 1).orElse(1);
      fault(
          file,
          line,
          "this is not YAML: "
              + String.valueOf(e.getProblem()).replace('\n', ' ')
              + "; allowed is YAML 1.2.");
      return;
    } catch (YamlEngineException e) {
      fault(
          file,
          1,
          "this is not YAML: "
              + String.valueOf(e.getMessage()).lines().findFirst().orElse("")
              + "; allowed is YAML 1.2.");
      return;
    }
    if (documents == 0) {
      fault(
          file,
          1,
          "the file is empty; a document of kind PacketGateway or GatewayPolicy is needed.");
    }
  }

  private void document(String file, Node node) {
    Binder binder = new Binder(file, faults);
    Map<String, Node> top =
        binder.object(node, "", List.of("apiVersion", "kind", "metadata", "spec", "status"));
    String version = text(top.get("apiVersion"));
    if (!version.equals(API_VERSION)) {
      binder.fault(
          "apiVersion",
          (version.isEmpty() ? "the field is missing" : "\"" + version + "\" is not known")
              + "; allowed is "
              + API_VERSION
              + ".");
    }
    String kind = text(top.get("kind"));
    if (kind.equals("PacketGateway")) {
      gatewaySeen = true;
    }
    Map<String, Node> metadata =
        binder.object(
            top.get("metadata"), "metadata", List.of("name", "namespace", "labels", "annotations"));
    String name = text(metadata.get("name"));
    if (!name.matches("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")) {
      binder.fault(
          "metadata.name",
          (name.isEmpty() ? "the name is missing" : "\"" + name + "\" is not a name")
              + "; allowed are up to 63 of a-z, 0-9 and - inside.");
    }
    if (!KINDS.contains(kind)) {
      binder.fault(
          "kind",
          (kind.isEmpty()
                  ? "the field is missing"
                  : "\"" + kind + "\" is not known" + Binder.didYouMean(kind, KINDS))
              + "; allowed are "
              + String.join(", ", KINDS)
              + ".");
      return;
    }
    if (!top.containsKey("spec")) {
      binder.fault("spec", "the field is missing; it must be given.");
      return;
    }
    if (kind.equals("GatewayPolicy")) {
      Bound<PolicySpec> bound =
          new Bound<>(name, binder.record(PolicySpec.class, top.get("spec"), "spec"), binder);
      if (policies.putIfAbsent(name, bound) != null) {
        binder.fault(
            "metadata.name", "the policy \"" + name + "\" is there twice; a name is allowed once.");
      }
    } else {
      Bound<GatewaySpec> bound =
          new Bound<>(
              name, binder.record(GatewaySpec.class, withoutPods(top.get("spec")), "spec"), binder);
      if (gateway != null) {
        binder.fault("kind", "there is a second PacketGateway; exactly one is allowed.");
      } else {
        gateway = bound;
      }
    }
  }

  /** Returns the spec less {@code pods}: what only the operator reads says nothing to a module. */
  private static @Nullable Node withoutPods(@Nullable Node spec) {
    if (!(spec instanceof MappingNode mapping)) {
      return spec;
    }
    List<NodeTuple> rest =
        mapping.getValue().stream().filter(it -> !text(it.getKeyNode()).equals("pods")).toList();
    return rest.size() == mapping.getValue().size()
        ? spec
        : new MappingNode(
            mapping.getTag(),
            true,
            rest,
            mapping.getFlowStyle(),
            mapping.getStartMark(),
            mapping.getEndMark());
  }

  private static String text(@Nullable Node node) {
    return node instanceof ScalarNode scalar ? scalar.getValue() : "";
  }

  private Result finish(String first) {
    GatewayConfig config = null;
    if (gateway == null) {
      if (!gatewaySeen && faults.isEmpty()) {
        fault(first, 1, "there is no PacketGateway; exactly one is needed.");
      }
    } else {
      config = new ConfigChecks(gateway, policies).check();
    }
    List<Fault> all = new ArrayList<>(Set.copyOf(faults));
    all.sort(
        java.util.Comparator.comparing(Fault::file)
            .thenComparingInt(Fault::line)
            .thenComparing(Fault::path)
            .thenComparing(Fault::message));
    return new Result(all.isEmpty() ? config : null, List.copyOf(all), source.toString());
  }
}
