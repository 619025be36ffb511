package dev.portcullis.core.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class Ipv6ExtensionsTest {

  private static final String SENDER = "20010db8000000000000000000000001";
  private static final String RECEIVER = "20010db8000000000000000000000002";
  private static final String LAST = "20010db800000000000000000000beef";
  private static final String MIDDLE = "20010db8000000000000000000000003";
  private static final String UDP = "0001000200080000";

  private final Ipv6Extensions extensions = new Ipv6Extensions();

  /** Parses an IPv6 packet with these extension headers in front of UDP. */
  private Ipv6Extensions parsed(int first, String headers) {
    int length = (headers.length() + UDP.length()) / 2;
    String text =
        String.format("60000000%04x%02x40", length, first) + SENDER + RECEIVER + headers + UDP;
    byte[] bytes = HexFormat.of().parseHex(text);
    PacketHeader h = new PacketHeader();
    assertEquals(PacketHeader.OK, h.parse(bytes, 0, bytes.length));
    assertEquals(PacketHeader.UDP, h.protocol);
    extensions.parse(bytes, h);
    return extensions;
  }

  private void expectReceiver(long low, boolean sourceRoute, Ipv6Extensions it) {
    assertTrue(it.receiverKnown);
    assertEquals(0x20010db8_00000000L, it.receiverHigh);
    assertEquals(low, it.receiverLow);
    assertEquals(sourceRoute, it.sourceRoute);
  }

  @Test
  void shouldTakeTheReceiverOfTheHeaderWhereNothingRoutesFurther() {
    expectReceiver(2, false, parsed(0, "1100010400000000"));
    expectReceiver(2, true, parsed(43, "1102000000000000" + LAST));
  }

  @Test
  void shouldFindTheLastReceiverOfRoutingHeaders() {
    expectReceiver(0xbeef, true, parsed(43, "1104000200000000" + MIDDLE + LAST));
    expectReceiver(0xbeef, false, parsed(43, "1102020100000000" + LAST));
    expectReceiver(0xbeef, false, parsed(43, "1104040101000000" + LAST + MIDDLE));
  }

  @Test
  void shouldNotGuessWhereItCannotKnow() {
    assertFalse(parsed(43, "1102030100000000" + LAST).receiverKnown, "RPL compresses addresses");
    assertFalse(
        parsed(43, "1102000900000000" + LAST).receiverKnown, "more segments than addresses");
    assertFalse(
        parsed(60, "1102010200000000c910" + LAST.substring(0, 28)).receiverKnown, "home address");
  }
}
