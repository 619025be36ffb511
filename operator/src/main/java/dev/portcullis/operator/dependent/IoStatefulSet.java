package dev.portcullis.operator.dependent;

import dev.portcullis.core.policy.GatewaySpec.Driver;
import dev.portcullis.core.policy.GatewaySpec.Io;
import dev.portcullis.core.policy.GatewaySpec.PortSpec;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;

/** IO modules: a set for each entry of {@code spec.io}, with the privileges that its ports need. */
final class IoStatefulSet implements GatewayDependent<StatefulSet> {

  @Override
  public List<StatefulSet> desired(Wanted wanted) {
    return wanted.config().gateway().io().stream().map(io -> set(wanted, io)).toList();
  }

  private static StatefulSet set(Wanted wanted, Io io) {
    List<Driver> drivers = io.ports().stream().map(PortSpec::driver).toList();
    PodTemplate template =
        new PodTemplate(wanted, "io", io.name())
            .setting("NAME", io.name() + "-$(POD_INDEX)")
            .setting("SWITCH", wanted.names().switches(wanted.settings()))
            .privileges(
                new TreeSet<>(drivers.stream().flatMap(IoStatefulSet::capabilities).toList()));
    if (drivers.contains(Driver.TUN)) {
      template.tunDevice();
    }
    return PodSet.of(
        wanted,
        "io",
        io.name(),
        io.replicas(),
        template.build(wanted.settings().images().io(), 0, "512Mi"));
  }

  private static Stream<String> capabilities(Driver driver) {
    return switch (driver) {
      case TUN -> Stream.of("NET_ADMIN");
      // promiscuous mode and offloads are set up; frames are sockets of their own
      case PACKET -> Stream.of("NET_ADMIN", "NET_RAW");
      case PCAP, VXLAN, GENEVE -> Stream.of();
    };
  }
}
