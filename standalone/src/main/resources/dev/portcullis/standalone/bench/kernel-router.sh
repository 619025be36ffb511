#!/usr/bin/env bash
# The kernel's own NAT gateway: generator -- veth -- router -- veth -- sink, three network namespaces.
#   kernel-router.sh PREFIX up            makes PREFIX-gen, PREFIX-router, PREFIX-sink
#   kernel-router.sh PREFIX rules forward|conntrack|masquerade
#   kernel-router.sh PREFIX gateway       the router's kernel does nothing: a gateway has r0 and r1
#   kernel-router.sh PREFIX devices       the same, and sends all that comes in by r0 and r1 into tun-lan and tun-wan
#   kernel-router.sh PREFIX plain         no offloads
#   kernel-router.sh PREFIX forget        no connections
#   kernel-router.sh PREFIX window XGEN MAC SECONDS FRAME-LENGTH FLOW-MASK RATE RECEIVERS   prints: delivered sent nanoseconds
#   kernel-router.sh PREFIX down
# Needs root, iproute2, nftables, ethtool, taskset, sysctl, for forget conntrack. FRAME-LENGTH is without the frame check sequence: 60 is a frame of 64 bytes.
# The generator runs on core 0 and gives way to whoever wants it: what forwards goes before what sends, in a gateway as in a kernel.
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
  ip -n "$router" route add 10.8.0.0/16 via 10.8.0.2
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

gateway() {
  ip netns exec "$router" nft flush ruleset
  ip netns exec "$router" sysctl -q -w net.ipv4.ip_forward=0
  ip -n "$router" addr flush dev r0; ip -n "$router" addr flush dev r1
  # who takes frames in by XDP is not told which checksums are missing
  ip netns exec "$gen" ethtool -K a0 tx off >/dev/null; ip netns exec "$sink" ethtool -K b0 tx off >/dev/null
}

devices() {
  ip netns exec "$router" nft flush ruleset
  ip netns exec "$router" sysctl -q -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
  ip netns exec "$router" sysctl -q -w net.ipv4.conf.r0.rp_filter=0 net.ipv4.conf.r1.rp_filter=0
  ip netns exec "$router" sysctl -q -w net.ipv4.conf.tun-lan.rp_filter=0 net.ipv4.conf.tun-wan.rp_filter=0
  ip -n "$router" rule add iif r0 lookup 100 prio 100; ip -n "$router" route add default dev tun-lan table 100
  ip -n "$router" rule add iif r1 lookup 101 prio 101; ip -n "$router" route add default dev tun-wan table 101
}

plain() {
  for end in "$gen a0" "$router r0" "$router r1" "$sink b0"; do
    set -- $end
    ip netns exec "$1" ethtool -K "$2" tso off gso off gro off tx off >/dev/null 2>&1 || true
  done
}

forget() { ip netns exec "$router" conntrack -F >/dev/null 2>&1; }

delivered() { ip netns exec "$sink" cat /sys/class/net/b0/statistics/rx_packets; }

window() { # xgen mac seconds frame-length flow-mask rate receivers
  local packets sent
  packets=$(delivered)
  sent=$(ip netns exec "$gen" nice -n 19 taskset -c 0 "$1" a0 "${@:2}")
  sleep 0.2
  echo "$(($(delivered) - packets)) $sent"
}

"$command" "$@"
