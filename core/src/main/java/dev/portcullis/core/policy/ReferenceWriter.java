package dev.portcullis.core.policy;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;

/** Writes the reference of the configuration from the model, as Markdown. Any thread. */
public final class ReferenceWriter {

  private ReferenceWriter() {}

  /** The reference of kind PacketGateway. */
  public static String gateway() {
    StringBuilder out = new StringBuilder(page("PacketGateway", GatewaySpec.class));
    out.append(
        """

        ## On Kubernetes

        `kubectl get packetgateways` (`pgw`; category `portcullis`), `kubectl scale packetgateway/NAME --replicas=N`
        (sets `spec.workers.replicas`). `spec.pods.io`, `.worker` and `.switch` are changes of the pods that the operator
        makes: a PodTemplateSpec, merged over the operator's own as by `kubectl patch` (strategic merge). Modules without
        Kubernetes take no notice of it.

        The operator writes `status`:

        | field | default | allowed | meaning |
        |---|---|---|---|
        """);
    rows(out, GatewayStatus.class, "status");
    return out.toString();
  }

  /** The reference of kind GatewayPolicy. */
  public static String gatewayPolicy() {
    return page("GatewayPolicy", PolicySpec.class);
  }

  private static String page(String kind, Class<?> spec) {
    StringBuilder out =
        new StringBuilder(
            "# "
                + kind
                + "\n\nGenerated from the model. `apiVersion: portcullis.dev/v1alpha1`, `kind: "
                + kind
                + "`.\n\n| field | default | allowed | meaning |\n|---|---|---|---|\n");
    rows(out, spec, "spec");
    return out.toString();
  }

  private static void rows(StringBuilder out, Class<?> type, String path) {
    for (RecordComponent component : type.getRecordComponents()) {
      Field field = Binder.field(component);
      boolean list = component.getGenericType() instanceof ParameterizedType;
      Type item =
          component.getGenericType() instanceof ParameterizedType p
              ? p.getActualTypeArguments()[0]
              : component.getGenericType();
      Class<?> raw = (Class<?>) item;
      boolean object = raw.isRecord() && !Scalars.isText(raw);
      String at = path + "." + Binder.key(component) + (list ? "[]" : "");
      String value =
          field.required()
              ? "required"
              : !field.value().isEmpty()
                  ? "`" + field.value() + "`"
                  : list ? "`[]`" : object ? "its fields" : "none";
      out.append("| `")
          .append(at)
          .append("` | ")
          .append(value)
          .append(" | ")
          .append(object ? "object" : allowed(raw, field))
          .append(" | ")
          .append(field.doc())
          .append(" |\n");
      if (object) {
        rows(out, raw, at);
      }
    }
  }

  private static String allowed(Class<?> raw, Field field) {
    if (raw.isEnum()) {
      return String.join(", ", Binder.names(raw));
    }
    if (raw == boolean.class) {
      return "true, false";
    }
    if (raw == PolicySpec.PortRange.class) {
      return "port or range";
    }
    if (raw == PolicySpec.IcmpMatch.class) {
      return "type or type/code";
    }
    return switch (field.kind()) {
      case NAME -> "name";
      case CIDR -> "prefix";
      case ADDRESS -> "address";
      case DURATION -> "time (200ms, 30s, 5m, 1h)";
      case SIZE -> field.min() + " to " + field.max() + " (64Ki, 1Mi)";
      case QUANTITY -> "auto, " + field.min() + " to " + field.max();
      case PROTOCOL -> "0 to 255, " + String.join(", ", Scalars.PROTOCOLS.keySet());
      case TIME -> "time of day (00:00 to 24:00)";
      case ZONE -> "time zone (UTC, Europe/Berlin)";
      case DATE -> "date (2026-12-31)";
      case PLAIN -> raw == String.class ? "text" : field.min() + " to " + field.max();
    };
  }
}
