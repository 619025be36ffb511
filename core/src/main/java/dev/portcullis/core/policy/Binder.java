package dev.portcullis.core.policy;

import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.Prefix;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;

/**
 * Binds the nodes of one document to records and notes every fault and the line of every path. One
 * thread.
 */
final class Binder {

  private static final Pattern DURATION = Pattern.compile("(\\d{1,9})(ms|s|m|h|d)");
  private static final Map<String, Long> UNIT_NS =
      Map.of(
          "ms",
          1_000_000L,
          "s",
          1_000_000_000L,
          "m",
          60_000_000_000L,
          "h",
          3_600_000_000_000L,
          "d",
          86_400_000_000_000L);

  /** Objects that are not there unless they are given. */
  private static final Set<Class<?>> OPTIONAL =
      Set.of(
          GatewaySpec.PcapSpec.class,
          GatewaySpec.TunSpec.class,
          GatewaySpec.PacketSpec.class,
          GatewaySpec.TunnelSpec.class);

  private final String file;
  private final List<Fault> faults;
  private final Map<String, Integer> lines = new HashMap<>();

  Binder(String file, List<Fault> faults) {
    this.file = file;
    this.faults = faults;
  }

  /** Notes a fault at a path, on its line or on that of the nearest object around it. */
  void fault(String path, String message) {
    String at = path;
    while (!at.isEmpty() && !lines.containsKey(at)) {
      at = at.substring(0, Math.max(0, Math.max(at.lastIndexOf('.'), at.lastIndexOf('['))));
    }
    Fault fault =
        new Fault(file, lines.getOrDefault(at, 1), path.isEmpty() ? "document" : path, message);
    if (!faults.contains(fault)) {
      faults.add(fault);
    }
  }

  boolean has(String path) {
    return lines.containsKey(path);
  }

  static int line(Node node) {
    return node.getStartMark().map(mark -> mark.getLine() + 1).orElse(1);
  }

  /** Reads an object: its known keys; unknown and repeated ones are faults. */
  Map<String, Node> object(@Nullable Node node, String path, Collection<String> known) {
    Map<String, Node> values = new LinkedHashMap<>();
    if (node == null) {
      return values;
    }
    lines.putIfAbsent(path, line(node));
    if (!(node instanceof MappingNode mapping)) {
      if (!isNull(node)) {
        fault(
            path, "an object was expected; allowed are the keys " + String.join(", ", known) + ".");
      }
      return values;
    }
    for (NodeTuple tuple : mapping.getValue()) {
      String key = tuple.getKeyNode() instanceof ScalarNode scalar ? scalar.getValue() : "?";
      String at = path.isEmpty() ? key : path + "." + key;
      boolean first = lines.putIfAbsent(at, line(tuple.getKeyNode())) == null;
      if (!known.contains(key)) {
        fault(
            at,
            "unknown key \""
                + key
                + "\""
                + didYouMean(key, known)
                + "; allowed are "
                + String.join(", ", known)
                + ".");
      } else if (!first) {
        faults.add(
            new Fault(
                file,
                line(tuple.getKeyNode()),
                at,
                "the key \"" + key + "\" stands twice; it is allowed once."));
      } else if (!isNull(tuple.getValueNode())) {
        values.put(key, tuple.getValueNode());
      }
    }
    return values;
  }

  static boolean isNull(Node node) {
    return node instanceof ScalarNode s
        && s.isPlain()
        && (s.getValue().isEmpty() || s.getValue().equals("~") || s.getValue().equals("null"));
  }

  static String key(RecordComponent component) {
    String key = field(component).key();
    return key.isEmpty() ? component.getName() : key;
  }

  static Field field(RecordComponent component) {
    Field field = component.getAnnotation(Field.class);
    if (field == null) {
      throw new IllegalStateException(component + " has no @Field");
    }
    return field;
  }

  /** Binds an object to a record. */
  <T extends Record> T record(Class<T> type, @Nullable Node node, String path) {
    RecordComponent[] components = type.getRecordComponents();
    Map<String, List<String>> nested = new LinkedHashMap<>();
    for (RecordComponent component : components) {
      String[] parts = key(component).split("\\.");
      List<String> inner = nested.computeIfAbsent(parts[0], k -> new ArrayList<>());
      if (parts.length > 1) {
        inner.add(parts[1]);
      }
    }
    Map<String, Node> values = object(node, path, nested.keySet());
    nested.forEach(
        (outer, inner) -> {
          if (!inner.isEmpty()) {
            object(values.get(outer), path + "." + outer, inner)
                .forEach((k, v) -> values.put(outer + "." + k, v));
          }
        });
    @Nullable Object[] arguments = new Object[components.length];
    for (int i = 0; i < components.length; i++) {
      String key = key(components[i]);
      Node value = values.get(key);
      String at = path + "." + key;
      Field field = field(components[i]);
      if (value == null
          && field.required()
          && node != null
          && (node instanceof MappingNode || isNull(node))) {
        fault(at, "the field is missing; it must be given: " + field.doc());
      }
      arguments[i] = value(components[i].getGenericType(), field, value, at);
    }
    try {
      var types = Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
      var constructor = type.getDeclaredConstructor(types);
      constructor.setAccessible(true);
      return constructor.newInstance(arguments);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(type + " is not a record of the model", e);
    }
  }

  private @Nullable Object value(Type type, Field field, @Nullable Node node, String path) {
    if (type instanceof ParameterizedType list) {
      List<Object> items = new ArrayList<>();
      if (node != null) {
        List<Node> nodes =
            node instanceof SequenceNode sequence ? sequence.getValue() : List.of(node);
        for (int i = 0; i < nodes.size(); i++) {
          String at = node instanceof SequenceNode ? path + "[" + i + "]" : path;
          lines.putIfAbsent(at, line(nodes.get(i)));
          Object item = value(list.getActualTypeArguments()[0], field, nodes.get(i), at);
          if (item != null) {
            items.add(item);
          }
        }
      }
      return List.copyOf(items);
    }
    Class<?> raw = (Class<?>) type;
    if (raw == PolicySpec.Service.class && node instanceof ScalarNode name) {
      return new PolicySpec.Service(
          name.getValue(), List.of(), List.of(), List.of(), List.of(), List.of());
    }
    if (raw.isRecord() && !Scalars.isText(raw)) {
      return node == null && OPTIONAL.contains(raw)
          ? null
          : record(raw.asSubclass(Record.class), node, path);
    }
    String fallback = field.value();
    if (node != null) {
      if (node instanceof ScalarNode scalar) {
        String wrong = problem(raw, field, scalar.getValue());
        if (wrong == null) {
          return scalar(raw, field, scalar.getValue());
        }
        fault(path, wrong);
      } else {
        fault(path, "one value was expected, not a list or an object.");
      }
    }
    if (!fallback.isEmpty()) {
      return scalar(raw, field, fallback);
    }
    if (raw.isEnum()) {
      return raw.getEnumConstants()[0];
    }
    if (raw == int.class) {
      return (int) field.min();
    }
    return field.required() && raw == String.class ? "" : null;
  }

  /** Returns what is wrong with a text, null where nothing is. */
  private static @Nullable String problem(Class<?> raw, Field field, String text) {
    String was = "\"" + (text.length() > 80 ? text.substring(0, 80) + "..." : text) + "\" ";
    if (raw.isEnum()) {
      List<String> names = names(raw);
      return names.contains(text)
          ? null
          : was
              + "is not known"
              + didYouMean(text, names)
              + "; allowed are "
              + String.join(", ", names)
              + ".";
    }
    if (raw == boolean.class) {
      return text.equals("true") || text.equals("false")
          ? null
          : was + "is not a truth value; allowed are true and false.";
    }
    if (raw == PolicySpec.PortRange.class) {
      return Scalars.range(text) != null
          ? null
          : was + "is not a port or range; allowed are 0 to 65535, such as 80 or 1000-2000.";
    }
    if (raw == PolicySpec.IcmpMatch.class) {
      return Scalars.icmp(text) != null
          ? null
          : was + "is not a type; allowed are 0 to 255, or with a code such as 3/4.";
    }
    if (raw == String.class) {
      return switch (field.kind()) {
        case NAME ->
            text.matches("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
                ? null
                : was + "is not a name; allowed are up to 63 of a-z, 0-9 and - inside.";
        case CIDR ->
            Prefix.parse(text) != null
                ? null
                : was + "is not a prefix; allowed are forms such as 10.0.0.0/8 and 2001:db8::/32.";
        case ADDRESS ->
            IpAddress.parse(text) != null
                ? null
                : was + "is not an address; allowed are IPv4 and IPv6 addresses, no names.";
        case TIME ->
            Scalars.isTime(text)
                ? null
                : was + "is not a time of day; allowed are 00:00 to 24:00, such as 08:30.";
        case ZONE ->
            Scalars.isZone(text)
                ? null
                : was + "is not a time zone; allowed are names such as UTC and Europe/Berlin.";
        case DATE ->
            Scalars.isDate(text)
                ? null
                : was + "is not a date; allowed are forms such as 2026-12-31.";
        default -> null;
      };
    }
    if (field.kind() == Field.Kind.QUANTITY && text.equals("auto")) {
      return null;
    }
    Long number = number(field, text);
    if (field.kind() == Field.Kind.PROTOCOL) {
      return number != null && number <= 255
          ? null
          : was
              + "is not a protocol"
              + didYouMean(text, Scalars.PROTOCOLS.keySet())
              + "; allowed are 0 to 255 and "
              + String.join(", ", Scalars.PROTOCOLS.keySet())
              + ".";
    }
    if (field.kind() == Field.Kind.DURATION) {
      return number != null && number > 0 && number <= 365L * 86_400_000_000_000L
          ? null
          : was + "is not a time; allowed are forms such as 200ms, 30s, 5m and 1h, up to 365d.";
    }
    return number != null && number >= field.min() && number <= field.max()
        ? null
        : was
            + "is not allowed; allowed is "
            + (field.kind() == Field.Kind.QUANTITY ? "auto or " : "")
            + "a number from "
            + field.min()
            + " to "
            + field.max()
            + (field.kind() == Field.Kind.SIZE ? ", such as 64Ki or 1Mi." : ".");
  }

  private static @Nullable Long number(Field field, String text) {
    if (field.kind() == Field.Kind.DURATION) {
      Matcher whole = Pattern.compile("(" + DURATION.pattern() + ")+").matcher(text);
      if (!whole.matches()) {
        return null;
      }
      long sum = 0;
      for (Matcher part = DURATION.matcher(text); part.find(); ) {
        try {
          sum =
              Math.addExact(
                  sum,
                  Math.multiplyExact(
                      Long.parseLong(part.group(1)), UNIT_NS.getOrDefault(part.group(2), 0L)));
        } catch (ArithmeticException e) {
          return null;
        }
      }
      return sum;
    }
    if (field.kind() == Field.Kind.PROTOCOL && Scalars.PROTOCOLS.containsKey(text)) {
      return (long) Scalars.PROTOCOLS.get(text);
    }
    String digits = text;
    long unit = 1;
    if (field.kind() == Field.Kind.SIZE && text.matches("\\d+(Ki|Mi|Gi)")) {
      digits = text.substring(0, text.length() - 2);
      unit = text.endsWith("Ki") ? 1L << 10 : text.endsWith("Mi") ? 1L << 20 : 1L << 30;
    }
    return digits.matches("\\d{1,10}") ? Long.parseLong(digits) * unit : null;
  }

  private static @Nullable Object scalar(Class<?> raw, Field field, String text) {
    if (raw.isEnum()) {
      return raw.getEnumConstants()[names(raw).indexOf(text)];
    }
    if (raw == boolean.class) {
      return Boolean.valueOf(text);
    }
    if (raw == String.class) {
      return text;
    }
    if (raw == PolicySpec.PortRange.class) {
      return Scalars.range(text);
    }
    if (raw == PolicySpec.IcmpMatch.class) {
      return Scalars.icmp(text);
    }
    Long number = number(field, text);
    return number == null || raw == long.class ? number : (Object) number.intValue();
  }

  /** Names of an enum as YAML writes them. */
  static List<String> names(Class<?> type) {
    return Arrays.stream(type.getEnumConstants())
        .map(it -> it.toString().toLowerCase(Locale.ROOT).replace('_', '-'))
        .toList();
  }

  /** Returns {@code , did you mean "x"?} for the nearest name, or nothing where none is near. */
  static String didYouMean(String text, Collection<String> names) {
    String best = "";
    int least = Math.max(1, Math.min(3, text.length() / 2)) + 1;
    for (String name : names) {
      int distance =
          text.length() > 80
              ? 99
              : distance(text.toLowerCase(Locale.ROOT), name.toLowerCase(Locale.ROOT));
      if (distance < least) {
        least = distance;
        best = name;
      }
    }
    return best.isEmpty() ? "" : ", did you mean \"" + best + "\"?";
  }

  private static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int up = row[j];
        row[j] =
            Math.min(
                Math.min(up, row[j - 1]) + 1,
                diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1));
        diagonal = up;
      }
    }
    return row[b.length()];
  }
}
