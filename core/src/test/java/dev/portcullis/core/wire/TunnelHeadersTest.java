package dev.portcullis.core.wire;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** Headers of RFC 7348 and RFC 8926, byte for byte. */
class TunnelHeadersTest {

  private final GeneveHeader geneve = new GeneveHeader();

  private static byte[] hex(String text) {
    return HexFormat.of().parseHex(text.replace(" ", ""));
  }

  private int geneve(String text, int known) {
    byte[] bytes = hex(text);
    return geneve.parse(bytes, 0, bytes.length, known);
  }

  private static int vxlan(String text) {
    byte[] bytes = hex(text);
    return VxlanHeader.vni(bytes, 0, bytes.length);
  }

  @Test
  void shouldWriteAVxlanHeader() {
    assertArrayEquals(hex("08000000 00002a00"), VxlanHeader.of(42));
    assertArrayEquals(hex("08000000 ffffff00"), VxlanHeader.of(0xff_ffff));
  }

  @Test
  void shouldPassOverReservedBitsOfVxlan() {
    assertEquals(42, vxlan("ffffffff 00002aff"));
  }

  @Test
  void shouldRefuseVxlanWithoutVni() {
    assertEquals(VxlanHeader.MALFORMED, vxlan("f7ffffff 00002a00"));
    assertEquals(VxlanHeader.MALFORMED, vxlan("08000000 00002a"));
  }

  @Test
  void shouldWriteAGeneveHeader() {
    assertArrayEquals(hex("00006558 00002b00"), GeneveHeader.of(GeneveHeader.ETHERNET, 43));
  }

  @Test
  void shouldReadAGeneveHeaderWithOptions() {
    String endpoint = "01080102 0000000000000001";
    String cookie = "01080301 11223344";
    assertEquals(
        GeneveHeader.OK, geneve("05000800 00000000" + endpoint + cookie + "45", GeneveHeader.AWS));
    assertEquals(28, geneve.length);
    assertEquals(0x0800, geneve.protocol);
    assertEquals(0, geneve.vni);
  }

  @Test
  void shouldRefuseAnotherVersionAndControlMessages() {
    assertEquals(GeneveHeader.MALFORMED, geneve("40006558 00002b00", -1));
    assertEquals(GeneveHeader.MALFORMED, geneve("00806558 00002b00", -1));
  }

  @Test
  void shouldRefuseOptionsWhoseLengthsDoNotFit() {
    assertEquals(GeneveHeader.MALFORMED, geneve("01006558 00002b00", -1));
    assertEquals(GeneveHeader.MALFORMED, geneve("01006558 00002b00 01080101", -1));
    assertEquals(GeneveHeader.MALFORMED, geneve("00006558 00002b", -1));
  }

  @Test
  void shouldRefuseACriticalOptionOfAClassThatNobodyKnows() {
    assertEquals(GeneveHeader.UNKNOWN_OPTION, geneve("01406558 00002b00 01088100", -1));
    assertEquals(GeneveHeader.OK, geneve("01406558 00002b00 01088100", GeneveHeader.AWS));
    assertEquals(GeneveHeader.OK, geneve("01006558 00002b00 01080100", -1));
  }
}
