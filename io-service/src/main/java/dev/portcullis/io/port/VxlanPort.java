package dev.portcullis.io.port;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec.PortSpec;
import dev.portcullis.core.wire.VxlanHeader;
import java.time.Clock;
import java.util.Objects;

/** Driver {@code vxlan}: a virtual network of RFC 7348. Any thread. */
public final class VxlanPort {

  private VxlanPort() {}

  /**
   * Opens the port.
   *
   * @param config configuration of the gateway
   * @param port what it says about this port
   * @param inline whether the port is one of an inline pair
   * @param loop thread of the IO module
   * @param clock gives the capture time
   * @throws dev.portcullis.io.system.SystemException when a port or address cannot be had
   */
  public static Port open(
      int tag, GatewayConfig config, PortSpec port, boolean inline, LinkLoop loop, Clock clock) {
    int vni = Objects.requireNonNull(Objects.requireNonNull(port.vxlan()).vni());
    return TunnelPort.open(tag, config, port, inline, () -> new Vxlan(vni), loop, clock);
  }

  private record Vxlan(int vni) implements Encapsulation {

    @Override
    public byte[] header() {
      return VxlanHeader.of(vni);
    }

    @Override
    public DropReason read(byte[] bytes, int at, int length) {
      int found = VxlanHeader.vni(bytes, at, length);
      if (found == VxlanHeader.MALFORMED) {
        return DropReason.TUNNEL_HEADER;
      }
      return found == vni ? DropReason.NONE : DropReason.WRONG_VNI;
    }

    @Override
    public int length() {
      return VxlanHeader.BYTES;
    }
  }
}
