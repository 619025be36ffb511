package dev.portcullis.core.event;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Random;
import org.junit.jupiter.api.Test;

class EveLineTest {

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSSSSxx").withZone(ZoneOffset.UTC);

  @Test
  void shouldWriteObjectsAndArraysWithCommasBetween() {
    EveLine line = new EveLine().open('{').key("a").value(1).key("b").open('[');
    line.value("x").value(true).close(']').key("c").open('{').close('}').close('}');
    assertEquals("{\"a\":1,\"b\":[\"x\",true],\"c\":{}}", line.toString());
  }

  @Test
  void shouldEscapeWhatJsonDoesNotAllow() {
    assertEquals(
        "\"a\\\"b\\\\c\\u000ad\\u00001\u00e9\u20ac\ud83d\ude00z\"",
        new EveLine().value("a\"b\\c\nd\0" + "1\u00e9\u20ac\ud83d\ude00z").toString());
  }

  @Test
  void shouldWriteTimesAsTheCalendarHasThem() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < 20_000; i++) {
      long ns = random.nextLong() >>> random.nextInt(1, 64);
      Instant at = Instant.ofEpochSecond(ns / 1_000_000_000L, ns % 1_000_000_000L);
      assertEquals(
          "\"" + TIME.format(at) + "\"",
          new EveLine().time(ns).toString(),
          "seed " + seed + ", ns " + ns);
    }
  }

  @Test
  void shouldWriteNumbersAndAddresses() {
    assertEquals("0", new EveLine().value(0).toString());
    assertEquals("-7", new EveLine().value(-7).toString());
    assertEquals(Long.toString(Long.MAX_VALUE), new EveLine().value(Long.MAX_VALUE).toString());
    assertEquals("\"10.0.255.1\"", new EveLine().address(4, 0, 0x0a00ff01L).toString());
    assertEquals("\"2001:db8::1\"", new EveLine().address(6, 0x20010db8L << 32, 1).toString());
    assertEquals("\"1b\"", new EveLine().hex(0x1b).toString());
  }
}
