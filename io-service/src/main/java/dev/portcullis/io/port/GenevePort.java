package dev.portcullis.io.port;

import dev.portcullis.core.counters.DropReason;
import dev.portcullis.core.link.LinkLoop;
import dev.portcullis.core.policy.GatewayConfig;
import dev.portcullis.core.policy.GatewaySpec.PortSpec;
import dev.portcullis.core.wire.GeneveHeader;
import java.time.Clock;
import java.util.Objects;

/**
 * Driver {@code geneve}: a virtual network of RFC 8926 with Ethernet frames inside, or the target
 * of a load balancer ({@link GwlbPort}). Any thread.
 */
public final class GenevePort {

  /** No class of options is known. */
  private static final int NONE = -1;

  private GenevePort() {}

  /**
   * Opens a port with Ethernet frames inside.
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
    int vni = Objects.requireNonNull(Objects.requireNonNull(port.geneve()).vni());
    return TunnelPort.open(tag, config, port, inline, () -> new Geneve(vni), loop, clock);
  }

  private static final class Geneve implements Encapsulation {
    private final int vni;
    private final GeneveHeader header = new GeneveHeader();

    Geneve(int vni) {
      this.vni = vni;
    }

    @Override
    public byte[] header() {
      return GeneveHeader.of(GeneveHeader.ETHERNET, vni);
    }

    @Override
    public DropReason read(byte[] bytes, int at, int length) {
      DropReason refused = refused(header.parse(bytes, at, length, NONE));
      if (refused != DropReason.NONE) {
        return refused;
      }
      if (header.vni != vni) {
        return DropReason.WRONG_VNI;
      }
      return header.protocol == GeneveHeader.ETHERNET ? DropReason.NONE : DropReason.TUNNEL_PAYLOAD;
    }

    @Override
    public int length() {
      return header.length;
    }
  }

  /** What a result of {@link GeneveHeader#parse} is in the books. */
  static DropReason refused(int result) {
    return switch (result) {
      case GeneveHeader.OK -> DropReason.NONE;
      case GeneveHeader.UNKNOWN_OPTION -> DropReason.TUNNEL_OPTION;
      default -> DropReason.TUNNEL_HEADER;
    };
  }
}
