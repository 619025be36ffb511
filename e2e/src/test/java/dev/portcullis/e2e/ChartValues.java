package dev.portcullis.e2e;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.comments.CommentLine;
import org.snakeyaml.engine.v2.comments.CommentType;
import org.snakeyaml.engine.v2.common.FlowStyle;
import org.snakeyaml.engine.v2.common.ScalarStyle;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;

/**
 * The values of the chart as their comments say: the schema and the reference page are made of
 * {@code values.yaml}. A map in braces takes any keys, another only those that are there; a comment
 * {@code ...: A, B or C.} at its end lists all that a text can be.
 */
final class ChartValues {

  private static final Pattern ONE_OF = Pattern.compile(": (\\S+(?:, \\S+)* or \\S+)\\.$");

  private record Value(String path, String type, String standard, String comment) {}

  private final List<Value> values = new ArrayList<>();
  private final ObjectMapper json = new ObjectMapper();
  private final ObjectNode schema;

  ChartValues(Path file) throws IOException {
    LoadSettings settings = LoadSettings.builder().setParseComments(true).build();
    Node root = new Compose(settings).composeString(Files.readString(file)).orElseThrow();
    schema = json.createObjectNode();
    schema.put("$schema", "http://json-schema.org/draft-07/schema#");
    schema.put("title", "Values of the chart portcullis");
    schema.setAll(closed("", (MappingNode) root));
    ((ObjectNode) schema.get("properties"))
        .putObject("global")
        .put("type", "object")
        .put("description", "What a chart around this one hands to all of its parts; not used.");
  }

  String toSchema() throws IOException {
    return json.writerWithDefaultPrettyPrinter().writeValueAsString(schema) + "\n";
  }

  String toPage() {
    StringBuilder page = new StringBuilder();
    page.append(
        """
        # Values of the Helm chart

        Written from the comments of `helm/portcullis/values.yaml`; a value that is not here is refused.

        | value | type | default | meaning |
        |---|---|---|---|
        """);
    for (Value it : values) {
      page.append(
          "| `%s` | %s | `%s` | %s |\n".formatted(it.path, it.type, it.standard, it.comment));
    }
    return page.toString();
  }

  private ObjectNode closed(String path, MappingNode map) {
    ObjectNode it =
        json.createObjectNode().put("type", "object").put("additionalProperties", false);
    ObjectNode properties = it.putObject("properties");
    for (NodeTuple tuple : map.getValue()) {
      String key = ((ScalarNode) tuple.getKeyNode()).getValue();
      properties.set(key, property(path + key, comment(tuple.getKeyNode()), tuple.getValueNode()));
    }
    return it;
  }

  private ObjectNode property(String path, String comment, Node node) {
    boolean open = node instanceof MappingNode map && map.getFlowStyle() == FlowStyle.FLOW;
    if (node instanceof MappingNode map && !open) {
      return closed(path + ".", map);
    }
    if (comment.isEmpty()) {
      throw new IllegalStateException("values.yaml says nothing about " + path);
    }
    ObjectNode it = json.createObjectNode();
    String type = open ? "object" : typeOf(node);
    it.put("type", type);
    if (type.equals("array")) {
      it.putObject("items");
    }
    Matcher oneOf = ONE_OF.matcher(comment);
    if (type.equals("string") && oneOf.find()) {
      ArrayNode names = it.putArray("enum");
      Arrays.stream(oneOf.group(1).split(", | or ")).forEach(names::add);
    }
    if (type.equals("integer")) {
      it.put("minimum", 0);
    }
    it.put("description", comment);
    values.add(new Value(path, type, text(node), comment));
    return it;
  }

  private static String typeOf(Node node) {
    if (node instanceof SequenceNode) {
      return "array";
    }
    ScalarNode scalar = (ScalarNode) node;
    String text = scalar.getValue();
    boolean plain = scalar.getScalarStyle() == ScalarStyle.PLAIN;
    return plain && text.matches("true|false")
        ? "boolean"
        : plain && text.matches("\\d+") ? "integer" : "string";
  }

  private static String text(Node node) {
    return switch (node) {
      case ScalarNode scalar ->
          scalar.getScalarStyle() == ScalarStyle.PLAIN
              ? scalar.getValue()
              : "\"" + scalar.getValue() + "\"";
      case SequenceNode list ->
          list.getValue().stream()
              .map(ChartValues::text)
              .collect(Collectors.joining(", ", "[", "]"));
      case MappingNode map ->
          map.getValue().stream()
              .map(it -> text(it.getKeyNode()) + ": " + text(it.getValueNode()))
              .collect(Collectors.joining(", ", "{", "}"));
      default -> throw new IllegalStateException(node.toString());
    };
  }

  /** The lines right above a key; what an empty line separates is about something else. */
  private static String comment(Node key) {
    StringBuilder text = new StringBuilder();
    if (key.getBlockComments() != null) {
      for (CommentLine line : key.getBlockComments()) {
        if (line.getCommentType() == CommentType.BLANK_LINE) {
          text.setLength(0);
        } else {
          text.append(text.isEmpty() ? "" : " ").append(line.getValue().strip());
        }
      }
    }
    return text.toString();
  }
}
