package dev.portcullis.io.neighbour;

import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.IpAddress;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.core.wire.Prefix;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a routed Ethernet port knows of its link, and what it says there: it asks for the MAC
 * addresses of next hops and answers for the gateway's addresses, by ARP (RFC 826) and neighbour
 * discovery (RFC 4861). A state machine: time and messages in, messages out.
 *
 * <ul>
 *   <li>An unknown neighbour is asked for {@link #PROBES} times, {@link #PROBE_NS} apart; then it
 *       is unreachable.
 *   <li>A MAC address that nothing has confirmed for {@link #REACHABLE_NS} is asked about again
 *       when it is used, at that station; it stays in use meanwhile, and is forgotten when no
 *       answer comes.
 *   <li>What others say about themselves changes entries that are there; only who asks for the
 *       gateway gets one unasked.
 * </ul>
 *
 * <p>Thread: one.
 */
public final class Neighbours {

  /** {@link #of}: there is no room for one more. */
  public static final int FULL = NeighbourTable.FULL;

  /** {@link #mac}: it is being asked for. */
  public static final long UNKNOWN = 0;

  /** Times that a neighbour is asked for. */
  public static final int PROBES = 3;

  /** Nanoseconds between two questions: {@code RETRANS_TIMER} of RFC 4861 section 10. */
  public static final long PROBE_NS = 1_000_000_000L;

  /** Nanoseconds that a confirmation holds: {@code REACHABLE_TIME} of RFC 4861 section 10. */
  public static final long REACHABLE_NS = 30_000_000_000L;

  private static final int ETHERNET = NeighbourMessages.ETHERNET_BYTES;

  /** What the neighbours of a port are told, and who waits for them. */
  public interface Wire {

    /** Puts a frame out. */
    void say(byte[] frame, int length);

    /** The MAC address of this neighbour is known now. */
    void resolved(int neighbour);

    /** Nobody answers for this neighbour; its number means nothing afterwards. */
    void unreachable(int neighbour);
  }

  private final long own;
  private final IpAddress linkLocal;
  private final List<Prefix> addresses;
  private final Wire wire;
  private final NeighbourTable table;
  private final NeighbourMessages messages;
  private final PacketHeader header = new PacketHeader();
  private List<Prefix> answering = List.of();

  /**
   * Makes an empty table.
   *
   * @param mac MAC address of the port
   * @param addresses addresses of the port, from which it asks
   * @param capacity the most neighbours, a power of two
   */
  public Neighbours(long mac, List<Prefix> addresses, int capacity, Wire wire) {
    this.own = mac;
    this.addresses = List.copyOf(addresses);
    this.wire = wire;
    this.table = new NeighbourTable(capacity);
    this.messages = new NeighbourMessages(mac);
    this.linkLocal = linkLocal(mac);
  }

  /** RFC 4291 section 2.5.1 and appendix A: the address of a station on its link. */
  static IpAddress linkLocal(long mac) {
    long identifier = (mac >>> 24 ^ 0x02_0000L) << 40 | 0xff_fe00_0000L | mac & 0xff_ffff;
    return new IpAddress(6, 0xfe80L << 48, identifier);
  }

  /** From now on answers for these, and tells the link so of single addresses. */
  public void answerFor(List<Prefix> all) {
    List<Prefix> before = answering;
    answering = List.copyOf(all);
    for (Prefix it : answering) {
      if (!before.contains(it) && it.length() == it.address().bits()) {
        announce(it.address());
      }
    }
  }

  /** RFC 5227 section 3, RFC 4861 section 7.2.6. */
  private void announce(IpAddress it) {
    if (it.version() == 4) {
      say(messages.arp(NeighbourMessages.REQUEST, NeighbourMessages.BROADCAST, it, 0, it));
    } else {
      say(
          messages.advertisement(
              0x3333_0000_0001L, NeighbourMessages.ALL_NODES, it, NeighbourMessages.OVERRIDE));
    }
  }

  /** Grows whenever numbers of neighbours may mean others than before. */
  public int generation() {
    return table.generation();
  }

  /**
   * Returns the number of the neighbour with this address, or {@link #FULL}; asks for a new one.
   */
  public int of(int version, long high, long low, long nowNs) {
    long upper = version == 4 ? NeighbourTable.V4 : high;
    int found = table.find(upper, low);
    if (found == NeighbourTable.NONE) {
      found = table.add(upper, low, nowNs);
      if (found != FULL) {
        ask(found, nowNs);
      }
    }
    return found;
  }

  /** Returns the MAC address of a neighbour, or {@link #UNKNOWN}. */
  public long mac(int neighbour, long nowNs) {
    table.used(neighbour, nowNs);
    if (table.state[neighbour] == NeighbourTable.REACHABLE
        && nowNs - table.confirmedNs[neighbour] > REACHABLE_NS) {
      table.state[neighbour] = NeighbourTable.PROBING;
      table.probes[neighbour] = 0;
      ask(neighbour, nowNs);
    }
    return table.mac[neighbour];
  }

  /** Whether somebody is being asked for, so that {@link #tick} has something to do. */
  public boolean isAsking() {
    for (int i = 0; i < table.capacity(); i++) {
      if (table.state[i] == NeighbourTable.INCOMPLETE || table.state[i] == NeighbourTable.PROBING) {
        return true;
      }
    }
    return false;
  }

  /** Time has come: asks again, and gives up. */
  public void tick(long nowNs) {
    for (int i = 0; i < table.capacity(); i++) {
      byte state = table.state[i];
      boolean asking = state == NeighbourTable.INCOMPLETE || state == NeighbourTable.PROBING;
      if (!asking || nowNs - table.nextNs[i] < 0) {
        continue;
      }
      if (table.probes[i] < PROBES) {
        ask(i, nowNs);
      } else {
        if (state == NeighbourTable.INCOMPLETE) {
          wire.unreachable(i);
        }
        table.remove(i);
      }
    }
  }

  private void ask(int i, long nowNs) {
    table.probes[i]++;
    table.nextNs[i] = nowNs + PROBE_NS;
    boolean unicast = table.state[i] == NeighbourTable.PROBING;
    if (table.high(i) == NeighbourTable.V4) {
      IpAddress target = new IpAddress(4, 0, table.low(i));
      say(
          messages.arp(
              NeighbourMessages.REQUEST,
              unicast ? table.mac[i] : NeighbourMessages.BROADCAST,
              speaking(target),
              unicast ? table.mac[i] : 0,
              target));
    } else {
      IpAddress target = new IpAddress(6, table.high(i), table.low(i));
      IpAddress from = speaking(target);
      say(
          messages.solicitation(
              unicast ? table.mac[i] : null, from == null ? linkLocal : from, target));
    }
  }

  /** The own address in the network of the other, else the first of its family. */
  private @Nullable IpAddress speaking(IpAddress other) {
    IpAddress first = null;
    for (Prefix it : addresses) {
      if (it.contains(other)) {
        return it.address();
      }
      if (first == null && it.address().version() == other.version()) {
        first = it.address();
      }
    }
    return first;
  }

  private void say(int length) {
    wire.say(messages.frame, length);
  }

  /**
   * Takes a frame without VLAN tag that came in by the port; others than those of ARP and neighbour
   * discovery are passed over.
   *
   * @param at where the frame begins
   * @param length bytes of it
   */
  public void heard(byte[] bytes, int at, int length, long nowNs) {
    if (length < ETHERNET + NeighbourMessages.ARP_BYTES) {
      return;
    }
    int type = PacketHeader.u16(bytes, at + 12);
    if (type == NeighbourMessages.ARP) {
      arp(bytes, at + ETHERNET, nowNs);
    } else if (type == 0x86dd
        && length >= ETHERNET + NeighbourMessages.IPV6_BYTES + 24
        && bytes[at + ETHERNET + 6] == PacketHeader.ICMPV6
        && bytes[at + ETHERNET + 7] == (byte) 255) {
      discovery(bytes, at + ETHERNET, length - ETHERNET, mac(bytes, at + 6), nowNs);
    }
  }

  private void arp(byte[] bytes, int at, long nowNs) {
    int operation = PacketHeader.u16(bytes, at + 6);
    long sender = mac(bytes, at + 8);
    if (PacketHeader.u32(bytes, at) != 0x1_0800L
        || PacketHeader.u16(bytes, at + 4) != 0x604
        || operation != NeighbourMessages.REQUEST && operation != NeighbourMessages.REPLY
        || !isStation(sender)) {
      return;
    }
    long senderAddress = PacketHeader.u32(bytes, at + 14);
    long target = PacketHeader.u32(bytes, at + 24);
    boolean forUs = isAnswered(4, 0, target) && !isAnswered(4, 0, senderAddress);
    if (senderAddress != 0) {
      learn(NeighbourTable.V4, senderAddress, sender, forUs, true, nowNs);
    }
    if (forUs && operation == NeighbourMessages.REQUEST) {
      IpAddress asked = new IpAddress(4, 0, target);
      IpAddress asker = new IpAddress(4, 0, senderAddress);
      say(messages.arp(NeighbourMessages.REPLY, sender, asked, sender, asker));
    }
  }

  private void discovery(byte[] bytes, int at, int length, long stationOfFrame, long nowNs) {
    if (header.parse(bytes, at, length) != PacketHeader.OK
        || header.truncated
        || header.icmpCode != 0
        || header.end - header.transportOffset < 24
        || checksumIsWrong(bytes)) {
      return;
    }
    int icmp = header.transportOffset;
    long targetHigh = PacketHeader.u64(bytes, icmp + 8);
    long targetLow = PacketHeader.u64(bytes, icmp + 16);
    if (header.icmpType == NeighbourMessages.SOLICITATION) {
      solicited(bytes, icmp, targetHigh, targetLow, stationOfFrame, nowNs);
    } else if (header.icmpType == NeighbourMessages.ADVERTISEMENT) {
      long station = option(bytes, icmp + 24, header.end, 2);
      boolean override = (bytes[icmp + 4] & NeighbourMessages.OVERRIDE) != 0;
      learn(targetHigh, targetLow, station == 0 ? stationOfFrame : station, false, override, nowNs);
    }
  }

  private boolean checksumIsWrong(byte[] bytes) {
    int length = header.end - header.transportOffset;
    return Checksum.sum(
            bytes, header.transportOffset, length, Checksum.pseudoHeader(header, length))
        != 0xffff;
  }

  private void solicited(
      byte[] bytes, int icmp, long high, long low, long stationOfFrame, long nowNs) {
    boolean forUs = isAnswered(6, high, low);
    boolean anonymous = header.sourceHigh == 0 && header.sourceLow == 0;
    long said = option(bytes, icmp + 24, header.end, 1);
    long station = said == 0 ? stationOfFrame : said;
    if (!isStation(station)) {
      return;
    }
    if (!anonymous) {
      learn(header.sourceHigh, header.sourceLow, station, forUs, true, nowNs);
    }
    if (forUs) {
      IpAddress target = new IpAddress(6, high, low);
      int flags = NeighbourMessages.OVERRIDE | (anonymous ? 0 : NeighbourMessages.SOLICITED);
      say(
          anonymous
              ? messages.advertisement(
                  0x3333_0000_0001L, NeighbourMessages.ALL_NODES, target, flags)
              : messages.advertisement(
                  station, new IpAddress(6, header.sourceHigh, header.sourceLow), target, flags));
    }
  }

  /** Returns the MAC address in an option of this type (section 4.6.1), 0 where there is none. */
  private static long option(byte[] bytes, int start, int end, int type) {
    int at = start;
    while (at + 8 <= end) {
      int length = (bytes[at + 1] & 0xff) * 8;
      if (length == 0 || at + length > end) {
        return 0;
      }
      if (bytes[at] == type && length == 8) {
        return mac(bytes, at + 2);
      }
      at += length;
    }
    return 0;
  }

  private void learn(long high, long low, long station, boolean add, boolean override, long nowNs) {
    if (!isStation(station)) {
      return;
    }
    int i = table.find(high, low);
    if (i == NeighbourTable.NONE && add) {
      i = table.add(high, low, nowNs);
      if (i >= 0) {
        // who only asks must not keep out those that packets go to
        table.used(i, nowNs - NeighbourTable.UNUSED_NS);
      }
    }
    if (i < 0) {
      return;
    }
    boolean waiting = table.state[i] == NeighbourTable.INCOMPLETE;
    if (!waiting && !override && table.mac[i] != station) {
      return;
    }
    table.mac[i] = station;
    table.state[i] = NeighbourTable.REACHABLE;
    table.confirmedNs[i] = nowNs;
    if (waiting) {
      wire.resolved(i);
    }
  }

  private boolean isAnswered(int version, long high, long low) {
    if (version == 6 && high == linkLocal.high() && low == linkLocal.low()) {
      return true;
    }
    for (Prefix it : answering) {
      if (it.contains(version, high, low)) {
        return true;
      }
    }
    return false;
  }

  /** Whether this is the address of one station, and not of the port itself. */
  private boolean isStation(long mac) {
    return mac != 0 && mac != own && (mac >>> 40 & 1) == 0;
  }

  private static long mac(byte[] bytes, int at) {
    return (long) PacketHeader.u16(bytes, at) << 32 | PacketHeader.u32(bytes, at + 2);
  }
}
