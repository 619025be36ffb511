package dev.portcullis.core.topology;

import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.policy.GatewaySpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * The logical interfaces of a gateway, numbered in the order in which the configuration lists IO
 * modules, replicas and ports: every module that has the same configuration finds the same tags.
 * Immutable; any thread.
 */
public final class Topology {

  private final List<LogicalInterface> interfaces;
  private final int[] inlinePartner;
  private final List<String> ioNames;
  private final IntPredicate workers;

  private Topology(
      List<LogicalInterface> interfaces,
      int[] inlinePartner,
      List<String> ioNames,
      IntPredicate workers) {
    this.interfaces = List.copyOf(interfaces);
    this.inlinePartner = inlinePartner;
    this.ioNames = List.copyOf(ioNames);
    this.workers = workers;
  }

  /** Numbers the logical interfaces of a gateway. */
  public static Topology of(GatewaySpec spec) {
    List<LogicalInterface> interfaces = new ArrayList<>();
    List<String> ioNames = new ArrayList<>();
    for (GatewaySpec.Io io : spec.io()) {
      for (int replica = 0; replica < io.replicas(); replica++) {
        String suffix = replica == 0 ? "" : "-" + replica;
        ModuleId module = ModuleId.io(ioNames.size());
        ioNames.add(io.name() + suffix);
        for (GatewaySpec.PortSpec port : io.ports()) {
          interfaces.add(
              new LogicalInterface(
                  interfaces.size(),
                  "lg-" + port.name() + suffix,
                  port.name(),
                  port.zone(),
                  module));
        }
      }
    }
    int[] partner = new int[interfaces.size()];
    Arrays.fill(partner, -1);
    for (GatewaySpec.InlinePair pair : spec.inline()) {
      List<LogicalInterface> left = ofPort(interfaces, pair.ports().get(0));
      List<LogicalInterface> right = ofPort(interfaces, pair.ports().get(1));
      for (int i = 0; i < Math.max(left.size(), right.size()); i++) {
        LogicalInterface a = left.get(i % left.size());
        LogicalInterface b = right.get(i % right.size());
        if (partner[a.tag()] < 0) {
          partner[a.tag()] = b.tag();
        }
        if (partner[b.tag()] < 0) {
          partner[b.tag()] = a.tag();
        }
      }
    }
    for (GatewaySpec.Io io : spec.io()) {
      for (GatewaySpec.PortSpec port : io.ports()) {
        if (port.isReturning()) {
          ofPort(interfaces, port.name()).forEach(it -> partner[it.tag()] = it.tag());
        }
      }
    }
    IntPredicate workers =
        number ->
            number < spec.workers().replicas()
                || spec.pools().stream().anyMatch(it -> it.has(number));
    return new Topology(interfaces, partner, ioNames, workers);
  }

  private static List<LogicalInterface> ofPort(List<LogicalInterface> interfaces, String port) {
    return interfaces.stream().filter(it -> it.port().equals(port)).toList();
  }

  /** All logical interfaces; the index is the tag. */
  public List<LogicalInterface> interfaces() {
    return interfaces;
  }

  /** Returns the logical interface with this tag, null for a tag that nobody has. */
  public @Nullable LogicalInterface byTag(int tag) {
    return tag >= 0 && tag < interfaces.size() ? interfaces.get(tag) : null;
  }

  /**
   * Returns the logical interfaces of a port, one per replica of its IO module; empty for a port
   * that is not there.
   */
  public List<LogicalInterface> ofPort(String port) {
    return ofPort(interfaces, port);
  }

  /** Returns the logical interfaces of an IO module in the order of its ports. */
  public List<LogicalInterface> ofModule(ModuleId io) {
    return interfaces.stream().filter(it -> it.io().equals(io)).toList();
  }

  /**
   * Returns the tag of the inline partner of this tag, -1 where it has none; a port that returns
   * what it takes in is its own.
   */
  public int inlinePartner(int tag) {
    return tag >= 0 && tag < inlinePartner.length ? inlinePartner[tag] : -1;
  }

  /** Whether the configuration has this IO module or worker. */
  public boolean has(ModuleId module) {
    return switch (module.kind()) {
      case IO -> module.number() < ioNames.size();
      case WORKER -> workers.test(module.number());
      case SWITCH, FEED -> false;
    };
  }

  /** Names of the IO modules; the index is the number of the module. */
  public List<String> ioNames() {
    return ioNames;
  }

  /**
   * Returns the IO module of this name, null where there is none. The first replica of {@code a} is
   * {@code a}, and {@code a-0} as well, as pods are numbered, unless another one has that name.
   */
  public @Nullable ModuleId io(String name) {
    int number = ioNames.indexOf(Objects.requireNonNull(name));
    if (number < 0 && name.endsWith("-0")) {
      number = ioNames.indexOf(name.substring(0, name.length() - "-0".length()));
    }
    return number < 0 ? null : ModuleId.io(number);
  }
}
