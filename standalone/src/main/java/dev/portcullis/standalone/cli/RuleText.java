package dev.portcullis.standalone.cli;

import dev.portcullis.core.event.ProtocolName;
import dev.portcullis.core.policy.PolicySpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Rules as one line for people: {@code allow-web: lan > wan, from office, web, accept}. */
final class RuleText {

  private RuleText() {}

  /** Returns the text of a rule by its name; {@code default} is the default action. */
  static String of(PolicySpec policy, String name) {
    if (name.equals("default")) {
      return "default: " + lower(policy.defaultAction()) + " what no rule matches";
    }
    return policy.rules().stream()
        .filter(it -> it.name().equals(name))
        .findFirst()
        .map(RuleText::of)
        .orElse(name);
  }

  private static String of(PolicySpec.Rule rule) {
    List<String> parts = new ArrayList<>();
    parts.add(any(rule.from()) + " > " + any(rule.to()));
    if (!rule.source().isEmpty()) {
      parts.add("from " + String.join(" ", rule.source()));
    }
    if (!rule.destination().isEmpty()) {
      parts.add("to " + String.join(" ", rule.destination()));
    }
    if (!rule.services().isEmpty()) {
      parts.add(rule.services().stream().map(RuleText::service).collect(Collectors.joining(" ")));
    }
    if (rule.schedule() != null) {
      parts.add("at " + rule.schedule());
    }
    parts.add(lower(rule.action()));
    return rule.name() + ": " + String.join(", ", parts);
  }

  private static String service(PolicySpec.Service it) {
    if (it.name() != null) {
      return it.name();
    }
    List<String> parts = new ArrayList<>();
    it.tcp().forEach(range -> parts.add("tcp/" + range(range)));
    it.udp().forEach(range -> parts.add("udp/" + range(range)));
    it.icmp().forEach(type -> parts.add("icmp/" + type(type)));
    it.icmpv6().forEach(type -> parts.add("icmpv6/" + type(type)));
    it.protocols().forEach(protocol -> parts.add(ProtocolName.of(protocol)));
    return parts.isEmpty() ? "any" : String.join(" ", parts);
  }

  private static String type(PolicySpec.IcmpMatch it) {
    return it.code() < 0 ? "" + it.type() : it.type() + "/" + it.code();
  }

  private static String range(PolicySpec.PortRange it) {
    return it.first() == it.last() ? "" + it.first() : it.first() + "-" + it.last();
  }

  private static String any(List<String> zones) {
    return zones.isEmpty() ? "any" : String.join(" ", zones);
  }

  private static String lower(PolicySpec.Action action) {
    return action.name().toLowerCase(Locale.ROOT);
  }
}
