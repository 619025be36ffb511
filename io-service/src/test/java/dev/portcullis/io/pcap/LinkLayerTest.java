package dev.portcullis.io.pcap;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.HexFormat;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Where the IP packet of a frame begins, for every link type that is understood. */
class LinkLayerTest {

  private static final String MACS = "001122334455" + "66778899aabb";

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "Ethernet, 1, MACS 0800 45, 14",
    "Ethernet with IPv6, 1, MACS 86dd 60, 14",
    "VLAN, 1, MACS 8100 0064 0800 45, 18",
    "QinQ, 1, MACS 88a8 0064 8100 0065 0800 45, 22",
    "three old tags, 1, MACS 9100 0001 9200 0002 8100 0003 86dd 60, 26",
    "LLC and SNAP, 1, MACS 0026 aaaa03 000000 0800 45, 22",
    "raw IP, 101, 45, 0",
    "raw IPv4, 228, 45, 0",
    "raw IPv6, 229, 60, 0",
    "BSD null, 0, 02000000 45, 4",
    "BSD loopback, 108, 00000002 45, 4",
    "PPP, 9, ff03 0021 45, 4",
    "Linux cooked, 113, 0000 0001 0006 001122334455 0000 0800 45, 16",
    "Linux cooked with VLAN, 113, 0000 0001 0006 001122334455 0000 8100 0064 0800 45, 20",
    "Linux cooked 2, 276, 0800 0000 00000001 0001 00 06 0011223344550000 45, 20",
  })
  void shouldFindTheIpPacket(String what, int linkType, String frame, int l2Length) {
    LinkLayer it = parsed(linkType, frame);
    assertEquals(l2Length, it.ip ? it.l2Length : -1, what);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "ARP, 1, MACS 0806 0001",
    "MPLS, 1, MACS 8847 00000140 45",
    "IP in name only, 1, MACS 0800 25",
    "a cut header, 1, 0011223344",
    "a cut tag, 1, MACS 8100 00",
    "nothing, 101, ''",
    "spanning tree, 1, MACS 0026 424203 000000",
  })
  void shouldCallItNotIp(String what, int linkType, String frame) {
    LinkLayer it = parsed(linkType, frame);
    assertEquals("false true 0", it.ip + " " + it.knownLinkType + " " + it.l2Length, what);
  }

  @ParameterizedTest
  @CsvSource({"147", "105", "65535"})
  void shouldSayThatALinkTypeIsNotUnderstood(int linkType) {
    LinkLayer it = parsed(linkType, "45000000");
    assertEquals("false false", it.ip + " " + it.knownLinkType);
  }

  private static LinkLayer parsed(int linkType, String frame) {
    byte[] bytes = HexFormat.of().parseHex(frame.replace("MACS", MACS).replace(" ", ""));
    LinkLayer it = new LinkLayer();
    it.parse(linkType, bytes, bytes.length);
    return it;
  }
}
