package dev.portcullis.operator.dependent;

import dev.portcullis.core.policy.GatewaySpec.Driver;
import dev.portcullis.core.policy.GatewaySpec.Io;
import dev.portcullis.core.policy.GatewaySpec.PortSpec;
import dev.portcullis.core.policy.GatewaySpec.TunnelSpec;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyBuilder;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyIngressRule;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyIngressRuleBuilder;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyPeer;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyPeerBuilder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Who may speak with the pods: modules of this gateway over links, the ports of tunnels whoever
 * uses them, health and metrics whoever asks. Workers and switches reach nothing but modules and
 * names.
 */
final class GatewayNetworkPolicy implements GatewayDependent<NetworkPolicy> {

  private static final int DNS = 53;

  @Override
  public List<NetworkPolicy> desired(Wanted wanted) {
    return List.of(
        closed(wanted, "switch", List.of(links(wanted, Names.SWITCH_PORT), http())),
        closed(wanted, "worker", List.of(workerLinks(wanted), http())),
        io(wanted));
  }

  private static NetworkPolicy closed(
      Wanted wanted, String component, List<NetworkPolicyIngressRule> ingress) {
    if (wanted.settings().mesh() != Mesh.NONE) {
      return incoming(wanted, component, ingress); // a proxy reaches what it needs
    }
    return new NetworkPolicyBuilder(incoming(wanted, component, ingress))
        .editSpec()
        .withPolicyTypes("Ingress", "Egress")
        .addNewEgress()
        .withTo(modules(wanted))
        .endEgress()
        .addNewEgress()
        .addNewPort()
        .withProtocol("UDP")
        .withNewPort(DNS)
        .endPort()
        .addNewPort()
        .withProtocol("TCP")
        .withNewPort(DNS)
        .endPort()
        .endEgress()
        .endSpec()
        .build();
  }

  private static NetworkPolicy io(Wanted wanted) {
    Map<String, NetworkPolicyIngressRule> ingress = new LinkedHashMap<>();
    ingress.put("http", http());
    for (Io io : wanted.config().gateway().io()) {
      for (PortSpec port : io.ports()) {
        TunnelSpec tunnel = port.tunnel();
        if (port.driver() == Driver.VXLAN || port.driver() == Driver.GENEVE) {
          ingress.put("UDP" + port.udpPort(), open("UDP", port.udpPort()));
        }
        Integer health = tunnel == null ? null : tunnel.healthPort();
        if (health != null) {
          ingress.put("TCP" + health, open("TCP", health));
        }
      }
    }
    return incoming(wanted, "io", new ArrayList<>(ingress.values()));
  }

  private static NetworkPolicy incoming(
      Wanted wanted, String component, List<NetworkPolicyIngressRule> ingress) {
    return new NetworkPolicyBuilder()
        .withMetadata(wanted.names().metadata(wanted.names().of(component), component))
        .withNewSpec()
        .withNewPodSelector()
        .withMatchLabels(wanted.names().selector(component))
        .endPodSelector()
        .withPolicyTypes("Ingress")
        .withIngress(ingress)
        .endSpec()
        .build();
  }

  private static NetworkPolicyPeer modules(Wanted wanted) {
    return new NetworkPolicyPeerBuilder()
        .withNewPodSelector()
        .withMatchLabels(Map.of(Names.GATEWAY, wanted.names().gateway()))
        .endPodSelector()
        .build();
  }

  private static NetworkPolicyIngressRule links(Wanted wanted, int port) {
    return new NetworkPolicyIngressRuleBuilder()
        .withFrom(modules(wanted))
        .addNewPort()
        .withProtocol("TCP")
        .withNewPort(port)
        .endPort()
        .build();
  }

  private static NetworkPolicyIngressRule workerLinks(Wanted wanted) {
    NetworkPolicyIngressRule own = links(wanted, Names.WORKER_PORT);
    if (wanted.guestPorts().isEmpty()) {
      return own;
    }
    return new NetworkPolicyIngressRuleBuilder(own)
        .addNewPort()
        .withProtocol("TCP")
        .withNewPort(Names.GUEST_PORTS.first())
        .withEndPort(Names.GUEST_PORTS.last())
        .endPort()
        .build();
  }

  private static NetworkPolicyIngressRule http() {
    return open("TCP", Names.HTTP_PORT);
  }

  private static NetworkPolicyIngressRule open(String protocol, int port) {
    return new NetworkPolicyIngressRuleBuilder()
        .addNewPort()
        .withProtocol(protocol)
        .withNewPort(port)
        .endPort()
        .build();
  }
}
