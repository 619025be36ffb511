package dev.portcullis.core.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class QuotedPacketTest {

  private static final String IPV4 = "4500003c0001%s4006%s0a000005c6336407";

  private final QuotedPacket quote = new QuotedPacket();

  private boolean parse(String hex) {
    byte[] bytes = HexFormat.of().parseHex(hex);
    return quote.parse(bytes, 0, bytes.length);
  }

  private static String tcp(String fragment) {
    return String.format(IPV4, fragment, "0000");
  }

  @Test
  void shouldReadPortsOfFourBytesAndTurnThemRoundForTheReply() {
    assertTrue(parse(tcp("0000") + "9c4001bb"));
    assertEquals(40000, quote.packet.sourcePort);
    assertEquals(443, quote.reply.sourcePort);
    assertEquals(40000, quote.reply.destinationPort);
    assertEquals(0xc6336407L, quote.reply.sourceLow);
    assertTrue(quote.reply.hasPorts);
  }

  @Test
  void shouldNotReadWhatIsNotThere() {
    assertFalse(parse(tcp("0000") + "9c4001"));
    assertFalse(parse(tcp("0000").substring(0, 38)));
    assertFalse(parse(""));
    assertFalse(parse("00".repeat(40)));
    assertFalse(parse("4f" + tcp("0000").substring(2) + "9c4001bb"), "options that are not there");
  }

  @Test
  void shouldTakeAFirstFragmentForItsDatagramAndALaterOneByItsAddresses() {
    assertTrue(parse(tcp("2000") + "9c4001bb"));
    assertTrue(quote.reply.hasPorts && !quote.reply.fragment);
    assertTrue(parse(tcp("0010") + "9c4001bb"));
    assertFalse(quote.reply.hasPorts);
  }

  @Test
  void shouldRewriteOnlyChecksumsThatAreThere() {
    byte[] bytes = HexFormat.of().parseHex(tcp("0000") + "9c4001bb00000001" + "0000000050021000");
    int before = Checksum.sum(bytes, 0, bytes.length, 0);
    assertTrue(quote.parse(bytes, 0, bytes.length));
    int change = quote.rewrite(bytes, 0, 0xcb00710aL, 0, 0xc6336407L, 1024, 443);
    assertEquals("cb00710a", HexFormat.of().formatHex(bytes, 12, 16));
    assertEquals("040001bb", HexFormat.of().formatHex(bytes, 20, 24));
    assertEquals("0000000050021000", HexFormat.of().formatHex(bytes, 28, 36));
    assertEquals(
        Checksum.sum(bytes, 0, bytes.length, 0), Checksum.both(before, change), "incremental");
  }

  @Test
  void shouldEndWhereTheErrorSaysThatTheQuoteEnds() {
    // time exceeded, quote of 7 words = 28 bytes, then an extension
    String inner = tcp("0000") + "9c4001bb00000001";
    String hex =
        "45000044000000004001"
            + "0000"
            + "c0000221"
            + "0a000005"
            + "0b00000000070000"
            + inner
            + "20000000000c0101";
    byte[] bytes = HexFormat.of().parseHex(hex);
    PacketHeader error = new PacketHeader();
    error.parse(bytes, 0, bytes.length);
    assertTrue(QuotedPacket.isError(error));
    assertTrue(quote.parse(bytes, error));
    assertEquals(56, quote.packet.end);
  }
}
