#!/usr/bin/env bash
# The kernel's own NAT gateway: generator -- veth -- router -- veth -- sink, three network namespaces.
#   kernel-router.sh PREFIX up            makes PREFIX-gen, PREFIX-router, PREFIX-sink
#   kernel-router.sh PREFIX rules forward|conntrack|masquerade
#   kernel-router.sh PREFIX window XGEN SECONDS FRAME-LENGTH FLOW-MASK   prints: packets nanoseconds
#   kernel-router.sh PREFIX down
# Needs root, iproute2, nftables, ethtool, taskset, sysctl. FRAME-LENGTH is without the frame check sequence: 60 is a frame of 64 bytes.
# The generator runs on core 0.
set -euo pipefail
gen=$1-gen router=$1-router sink=$1-sink
command=$2
shift 2

down() { for ns in "$gen" "$router" "$sink"; do ip netns del "$ns" 2>/dev/null || true; done; }

up() {
  for ns in "$gen" "$router" "$sink"; do ip netns add "$ns"; ip -n "$ns" link set lo up; done
  ip link add a0 netns "$gen" address 02:00:00:00:00:01 type veth peer name r0 netns "$router"
  ip link add r1 netns "$router" type veth peer name b0 netns "$sink"
  ip -n "$router" link set r0 address 02:00:00:00:00:02
  ip -n "$router" link set r1 address 02:00:00:00:00:03
  ip -n "$sink" link set b0 address 02:00:00:00:00:04
  ip -n "$gen" addr add 10.9.0.2/24 dev a0;    ip -n "$sink" addr add 10.8.0.2/24 dev b0
  ip -n "$router" addr add 10.9.0.1/24 dev r0; ip -n "$router" addr add 10.8.0.1/24 dev r1
  ip -n "$gen" link set a0 up;    ip -n "$sink" link set b0 up
  ip -n "$router" link set r0 up; ip -n "$router" link set r1 up
  ip -n "$gen" route add default via 10.9.0.1; ip -n "$sink" route add default via 10.8.0.1
  ip -n "$router" neigh replace 10.8.0.2 lladdr 02:00:00:00:00:04 dev r1
  ip -n "$router" neigh replace 10.9.0.2 lladdr 02:00:00:00:00:01 dev r0
  ip netns exec "$router" sysctl -q -w net.ipv4.ip_forward=1
  # XDP frames are only taken in where the peer has GRO (NAPI) on
  ip netns exec "$router" ethtool -K r0 gro on; ip netns exec "$sink" ethtool -K b0 gro on
  ip netns exec "$sink" nft -f - <<'NFT'
table netdev sink {
  chain in {
    type filter hook ingress device b0 priority 0;
    udp dport 4097 drop
  }
}
NFT
}

rules() {
  ip netns exec "$router" nft flush ruleset
  [ "$1" = forward ] && return
  ip netns exec "$router" nft -f - <<'NFT'
table ip filter {
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "r0" ct state new accept
  }
}
NFT
  [ "$1" = conntrack ] && return
  ip netns exec "$router" nft -f - <<'NFT'
table ip nat {
  chain postrouting {
    type nat hook postrouting priority 100;
    oifname "r1" masquerade
  }
}
NFT
}

delivered() { ip netns exec "$sink" cat /sys/class/net/b0/statistics/rx_packets; }

window() { # xgen seconds frame-length flow-mask
  local packets start end
  packets=$(delivered) start=$(date +%s%N)
  ip netns exec "$gen" taskset -c 0 "$1" a0 02:00:00:00:00:02 "$2" "$3" "$4" >/dev/null
  end=$(date +%s%N)
  echo "$(($(delivered) - packets)) $((end - start))"
}

"$command" "$@"
