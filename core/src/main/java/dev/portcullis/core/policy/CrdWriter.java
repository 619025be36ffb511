package dev.portcullis.core.policy;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.snakeyaml.engine.v2.api.Dump;
import org.snakeyaml.engine.v2.api.DumpSettings;
import org.snakeyaml.engine.v2.common.FlowStyle;

/**
 * Writes the CustomResourceDefinitions of the configuration from the model: a structural schema
 * with the rules of {@link CrdRules}. Any thread.
 */
public final class CrdWriter {

  private static final String GROUP = "portcullis.dev";
  private static final String ITEMS = "items";
  private static final String OBJECT = "object";
  private static final String PRESERVE = "x-kubernetes-preserve-unknown-fields";
  private static final String NAME = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$";

  /**
   * Lists whose items have names of their own and no order that matters: Kubernetes merges them by
   * name, and refuses a name that is there twice.
   */
  private static final Set<Class<?>> NAMED =
      Set.of(
          GatewaySpec.Io.class,
          GatewaySpec.PortSpec.class,
          GatewaySpec.Pool.class,
          GatewaySpec.InlinePair.class,
          PolicySpec.AddressObject.class,
          PolicySpec.Schedule.class);

  private CrdWriter() {}

  /** The definition of kind PacketGateway. */
  public static String packetGateway() {
    Map<String, Object> spec = object(GatewaySpec.class, "An elastic network security gateway.");
    properties(spec).put("pods", pods());
    Map<String, Object> version = version(spec, "spec.workers.replicas is what kubectl scale sets");
    Map<String, Object> status = object(GatewayStatus.class, "What the operator found.");
    Map<String, Object> conditions = child(properties(status), "conditions");
    conditions.put("x-kubernetes-list-type", "map");
    conditions.put("x-kubernetes-list-map-keys", List.of("type"));
    Map<String, Object> root = child(child(version, "schema"), "openAPIV3Schema");
    properties(root).put("status", status);
    root.put("x-kubernetes-validations", CrdRules.of("PacketGateway"));
    version.put(
        "subresources",
        map(
            "status",
            map(),
            "scale",
            map(
                "specReplicasPath", ".spec.workers.replicas",
                "statusReplicasPath", ".status.workers.replicas",
                "labelSelectorPath", ".status.workers.selector")));
    version.put(
        "additionalPrinterColumns",
        List.of(
            column("Desired", "integer", ".spec.workers.replicas", "Workers that shall run"),
            column("Ready", "integer", ".status.workers.ready", "Workers that are ready"),
            column("Quantity", "integer", ".status.quantity", "Workers that packets go to"),
            column("Epoch", "integer", ".status.epoch", "Number of the distribution table"),
            column(
                "Accepted",
                "string",
                ".status.conditions[?(@.type==\"PolicyAccepted\")].status",
                "Whether the configuration is in use"),
            column("Age", "date", ".metadata.creationTimestamp", "Since when")));
    return write("PacketGateway", "packetgateways", "pgw", version);
  }

  /** The definition of kind GatewayPolicy. */
  public static String gatewayPolicy() {
    Map<String, Object> version =
        version(object(PolicySpec.class, "Rules and translations of a gateway."), "");
    version.put(
        "additionalPrinterColumns",
        List.of(
            column("Default", "string", ".spec.defaultAction", "What no rule matches"),
            column("Age", "date", ".metadata.creationTimestamp", "Since when")));
    return write("GatewayPolicy", "gatewaypolicies", "gwp", version);
  }

  private static Map<String, Object> version(Map<String, Object> spec, String note) {
    Map<String, Object> root =
        map(
            "type",
            OBJECT,
            "description",
            "The same document as a gateway without Kubernetes reads"
                + (note.isEmpty() ? "." : "; " + note + "."),
            "required",
            List.of("spec"),
            "properties",
            map(
                "apiVersion",
                map("type", "string"),
                "kind",
                map("type", "string"),
                "metadata",
                map("type", OBJECT),
                "spec",
                spec));
    return map(
        "name",
        "v1alpha1",
        "served",
        true,
        "storage",
        true,
        "schema",
        map("openAPIV3Schema", root));
  }

  private static String write(
      String kind, String plural, String shortName, Map<String, Object> version) {
    Map<String, Object> definition =
        map(
            "apiVersion",
            "apiextensions.k8s.io/v1",
            "kind",
            "CustomResourceDefinition",
            "metadata",
            map("name", plural + "." + GROUP),
            "spec",
            map(
                "group",
                GROUP,
                "scope",
                "Namespaced",
                "names",
                map(
                    "kind",
                    kind,
                    "listKind",
                    kind + "List",
                    "plural",
                    plural,
                    "singular",
                    kind.toLowerCase(java.util.Locale.ROOT),
                    "shortNames",
                    List.of(shortName),
                    "categories",
                    List.of("portcullis")),
                "versions",
                List.of(version)));
    DumpSettings settings =
        DumpSettings.builder()
            .setDefaultFlowStyle(FlowStyle.BLOCK)
            .setWidth(120)
            .setDereferenceAliases(true)
            .build();
    return "# Generated from the model.\n" + new Dump(settings).dumpToString(definition);
  }

  private static Map<String, Object> column(
      String name, String type, String path, String description) {
    return map("name", name, "type", type, "jsonPath", path, "description", description);
  }

  /** What only the operator reads: changes of the pods that it makes, one template a component. */
  private static Map<String, Object> pods() {
    Map<String, Object> components = map();
    for (String component : List.of("io", "worker", "switch")) {
      components.put(
          component,
          map(
              "type",
              OBJECT,
              "description",
              "PodTemplateSpec that is merged over that of the operator.",
              PRESERVE,
              true));
    }
    return map(
        "type",
        OBJECT,
        "description",
        "Changes of the pods (strategic merge patch); only the operator reads it.",
        "properties",
        components);
  }

  private static Map<String, Object> object(Class<?> type, String description) {
    Map<String, Object> properties = map();
    Map<String, Object> schema = map("type", OBJECT, "description", description);
    List<String> required = new ArrayList<>();
    for (RecordComponent component : type.getRecordComponents()) {
      Field field = Binder.field(component);
      String[] steps = Binder.key(component).split("\\.");
      Map<String, Object> at = properties;
      List<String> needed = required;
      if (steps.length > 1) {
        Map<String, Object> outer = child(at, steps[0], map("type", OBJECT, "properties", map()));
        at = properties(outer);
        if (field.required()) {
          @SuppressWarnings("unchecked")
          List<String> inner =
              (List<String>) outer.computeIfAbsent("required", it -> new ArrayList<String>());
          needed = inner;
          if (!required.contains(steps[0])) {
            required.add(steps[0]);
          }
        }
      }
      String key = steps[steps.length - 1];
      if (field.required()) {
        needed.add(key);
      }
      at.put(key, value(component.getGenericType(), field, key));
    }
    if (!required.isEmpty()) {
      schema.put("required", required);
    }
    schema.put("properties", properties);
    List<Map<String, Object>> rules = CrdRules.of(type.getSimpleName());
    if (!rules.isEmpty() && type != GatewayStatus.Workers.class) {
      schema.put("x-kubernetes-validations", rules);
    }
    return schema;
  }

  private static Map<String, Object> value(Type type, Field field, String key) {
    if (type instanceof ParameterizedType list) {
      return list((Class<?>) list.getActualTypeArguments()[0], field, key);
    }
    Class<?> raw = (Class<?>) type;
    if (raw == PolicySpec.Service.class) {
      // a name or an object: no structural schema says that
      return map("description", field.doc(), PRESERVE, true);
    }
    if (raw.isRecord() && !Scalars.isText(raw)) {
      Map<String, Object> schema = object(raw, field.doc());
      if (raw == GatewaySpec.Workers.class) {
        // so that spec.workers.replicas is there to be scaled
        Map<String, Object> whole = map();
        properties(schema).forEach((name, it) -> whole.put(name, ((Map<?, ?>) it).get("default")));
        schema.put("default", whole);
      }
      return schema;
    }
    Map<String, Object> schema = scalar(raw, field, key);
    schema.put("description", field.doc());
    if (!field.value().isEmpty()) {
      schema.put("default", typed(schema, field.value()));
    }
    return schema;
  }

  private static Map<String, Object> list(Class<?> item, Field field, String key) {
    boolean named = item.isRecord() && !Scalars.isText(item);
    if (item == PolicySpec.Service.class && !key.equals("services")
        || !named && isOftenOne(item, field)) {
      // one value may stand for a list of it: no structural schema says that
      return map("description", field.doc(), PRESERVE, true);
    }
    Map<String, Object> schema = map("type", "array", "description", field.doc());
    schema.put(ITEMS, item == PolicySpec.Service.class ? service(field) : items(item, field, key));
    Integer most = CrdRules.MOST.get(item.getSimpleName());
    if (most != null) {
      schema.put("maxItems", most);
    }
    CrdRules.listBounds(key, schema);
    if (NAMED.contains(item)) {
      schema.put("x-kubernetes-list-type", "map");
      schema.put("x-kubernetes-list-map-keys", List.of("name"));
    }
    return schema;
  }

  private static Map<String, Object> service(Field field) {
    return field.doc().startsWith("Named")
        ? object(PolicySpec.Service.class, "A service.")
        : map(PRESERVE, true);
  }

  private static Map<String, Object> items(Class<?> item, Field field, String key) {
    return item.isRecord() && !Scalars.isText(item)
        ? object(item, "One of them.")
        : scalar(item, field, key);
  }

  /** Whether it is a list of the policy in whose place people write a single value. */
  private static boolean isOftenOne(Class<?> item, Field field) {
    return Scalars.isText(item)
        || field.kind() == Field.Kind.PROTOCOL
        || item == String.class && field.doc().matches("(Zones|Address objects).*");
  }

  private static Map<String, Object> scalar(Class<?> raw, Field field, String key) {
    if (raw.isEnum()) {
      return map("type", "string", "enum", Binder.names(raw));
    }
    if (raw == boolean.class) {
      return map("type", "boolean");
    }
    if (raw == double.class) {
      return map("type", "number");
    }
    if (raw == PolicySpec.PortRange.class) {
      return intOrString("^[0-9]{1,5}(-[0-9]{1,5})?$", 0, 65535);
    }
    if (raw == PolicySpec.IcmpMatch.class) {
      return intOrString("^[0-9]{1,3}(/[0-9]{1,3})?$", 0, 255);
    }
    return switch (field.kind()) {
      case NAME -> text(NAME);
      case CIDR -> text("^[0-9a-fA-F:.]{2,45}(/[0-9]{1,3})?$");
      case ADDRESS -> text("^[0-9a-fA-F:.]{2,45}$");
      case DURATION -> text("^([0-9]{1,9}(ms|s|m|h|d))+$");
      case TIME -> text("^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$");
      case DATE -> text("^[0-9]{4}-[0-9]{2}-[0-9]{2}$");
      case SIZE -> intOrString("^[0-9]{1,10}(Ki|Mi|Gi)?$", field.min(), field.max());
      case QUANTITY -> intOrString("^(auto|[0-9]{1,4})$", field.min(), field.max());
      case PROTOCOL -> intOrString("^[0-9a-z]{1,16}$", 0, 255);
      case ZONE, PLAIN -> plain(raw, field, key);
    };
  }

  private static Map<String, Object> plain(Class<?> raw, Field field, String key) {
    if (raw == String.class) {
      String pattern = CrdRules.PATTERNS.get(key);
      return pattern == null ? map("type", "string") : text(pattern);
    }
    Map<String, Object> number =
        map(
            "type",
            "integer",
            "format",
            raw == long.class || raw == Long.class ? "int64" : "int32");
    number.put("minimum", field.min());
    if (field.max() < Integer.MAX_VALUE) {
      number.put("maximum", field.max());
    }
    return number;
  }

  private static Map<String, Object> text(String pattern) {
    return map("type", "string", "maxLength", 64, "pattern", pattern);
  }

  private static Map<String, Object> intOrString(String pattern, long least, long most) {
    return map(
        "anyOf",
        List.of(map("type", "integer"), map("type", "string")),
        "x-kubernetes-int-or-string",
        true,
        "pattern",
        pattern,
        "minimum",
        least,
        "maximum",
        most);
  }

  private static Object typed(Map<String, Object> schema, String value) {
    return switch (String.valueOf(schema.get("type"))) {
      case "boolean" -> Boolean.valueOf(value);
      case "integer" -> Long.valueOf(value);
      case "string" -> value;
      default -> value.matches("[0-9]+") ? (Object) Long.valueOf(value) : value;
    };
  }

  private static Map<String, Object> properties(Map<String, Object> schema) {
    return child(schema, "properties");
  }

  private static Map<String, Object> child(Map<String, Object> parent, String key) {
    return child(parent, key, map());
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> child(
      Map<String, Object> parent, String key, Map<String, Object> otherwise) {
    return (Map<String, Object>) parent.computeIfAbsent(key, it -> otherwise);
  }

  /** A map in this order of keys and values. */
  static Map<String, Object> map(Object... entries) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < entries.length; i += 2) {
      map.put((String) entries[i], entries[i + 1]);
    }
    return map;
  }
}
