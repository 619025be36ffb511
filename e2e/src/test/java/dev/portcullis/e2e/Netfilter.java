package dev.portcullis.e2e;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The kernel as the gateway of a {@link LiveSite}: routes, nftables with the same rules. */
final class Netfilter {

  private Netfilter() {}

  /** Makes the kernel of the gateway's host the router that the hosts of a routed site expect. */
  static void start(LiveNetwork net, int shards, Path folder) throws Exception {
    for (String address :
        List.of("10.71.0.1/24 dev pg0", "10.72.0.1/24 dev pg1", LiveNetwork.SNAT + "/32 dev pg1")) {
      net.netns.ip(net.gateway, "addr add " + address);
    }
    for (String address : List.of("fd71::1/64 dev pg0", "fd72::1/64 dev pg1")) {
      net.netns.ip(net.gateway, "addr add " + address + " nodad");
    }
    // the device takes in longer packets than it may send, as that of a port does
    String mtu = " mtu lock " + (shards == 2 ? 1400 : 1500);
    net.netns.ip(net.gateway, "route replace 10.72.0.0/24 dev pg1" + mtu);
    net.netns.ip(net.gateway, "route replace fd72::/64 dev pg1" + mtu);
    net.netns.ip(net.gateway, "route add 10.73.0.0/24 via " + net.serverV4 + mtu);
    net.netns.ip(net.gateway, "route add fd73::/64 via " + net.serverV6 + mtu);
    net.netns.run(
        net.gateway,
        "sysctl",
        "-qw",
        "net.ipv4.icmp_ratelimit=0",
        "net.ipv6.icmp.ratelimit=0",
        "net.ipv4.icmp_msgs_per_sec=100000");
    Path rules = Files.writeString(folder.resolve("rules.nft"), rules());
    net.netns.run(net.gateway, "nft", "-f", rules.toString());
  }

  private static String rules() {
    return """
        table inet filter {
          ct helper ftp {
            type "ftp" protocol tcp
            l3proto inet
          }
          chain prerouting {
            type filter hook prerouting priority 0
            tcp dport 21 ct helper set "ftp"
          }
          chain forward {
            type filter hook forward priority 0
            policy drop
            ct state invalid drop
            ct state established,related accept
            iifname pg0 tcp dport 7001 drop
            iifname pg0 udp dport 7001 drop
            iifname pg0 tcp dport 7002 reject with tcp reset
            iifname pg0 udp dport 7002 reject with icmpx admin-prohibited
            iifname pg0 oifname pg1 accept
            iifname pg1 oifname pg0 tcp dport { 21, 22, 80 } accept
          }
          chain input {
            type filter hook input priority 0
            policy drop
            iifname lo accept
            ct state established,related accept
            meta l4proto { icmp, icmpv6 } accept
          }
        }
        table ip nat {
          chain postrouting {
            type nat hook postrouting priority 100
            iifname pg0 oifname pg1 ip saddr 10.71.0.0/24 snat to SNAT
          }
          chain prerouting {
            type nat hook prerouting priority -100
            iifname pg1 ip daddr SNAT tcp dport { 21, 22, 80 } dnat to 10.71.0.2
          }
        }
        """
        .replace("SNAT", LiveNetwork.SNAT);
  }
}
