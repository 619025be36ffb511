package dev.portcullis.core.event;

import java.util.Arrays;
import java.util.Map;

/**
 * Names of IP protocols as Suricata writes them: the keywords of IANA's list for those that are met
 * on networks, three digits for the rest. Any thread.
 */
public final class ProtocolName {

  private static final String[] NAMES = new String[256];

  static {
    Arrays.setAll(NAMES, i -> (i < 10 ? "00" : i < 100 ? "0" : "") + i);
    Map.ofEntries(
            Map.entry(0, "HOPOPT"),
            Map.entry(1, "ICMP"),
            Map.entry(2, "IGMP"),
            Map.entry(4, "IPv4"),
            Map.entry(6, "TCP"),
            Map.entry(17, "UDP"),
            Map.entry(33, "DCCP"),
            Map.entry(41, "IPv6"),
            Map.entry(43, "IPv6-Route"),
            Map.entry(44, "IPv6-Frag"),
            Map.entry(46, "RSVP"),
            Map.entry(47, "GRE"),
            Map.entry(50, "ESP"),
            Map.entry(51, "AH"),
            Map.entry(58, "IPv6-ICMP"),
            Map.entry(59, "IPv6-NoNxt"),
            Map.entry(60, "IPv6-Opts"),
            Map.entry(88, "EIGRP"),
            Map.entry(89, "OSPFIGP"),
            Map.entry(94, "IPIP"),
            Map.entry(103, "PIM"),
            Map.entry(108, "IPComp"),
            Map.entry(112, "VRRP"),
            Map.entry(115, "L2TP"),
            Map.entry(132, "SCTP"),
            Map.entry(136, "UDPLite"))
        .forEach((number, name) -> NAMES[number] = name);
  }

  private ProtocolName() {}

  /** Returns the name of a protocol, 0 to 255. */
  public static String of(int protocol) {
    return NAMES[protocol];
  }

  /** Returns the number of a name, in any case, or of a number as text; -1 for anything else. */
  public static int parse(String text) {
    for (int i = 0; i < NAMES.length; i++) {
      if (NAMES[i].equalsIgnoreCase(text)) {
        return i;
      }
    }
    return text.matches("\\d{1,3}") && Integer.parseInt(text) < 256 ? Integer.parseInt(text) : -1;
  }
}
