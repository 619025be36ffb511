package dev.portcullis.core.wire;

import com.code_intelligence.jazzer.junit.FuzzTest;

/** No options and no chain of extension headers make their parsers throw. */
class OptionsFuzzTest {

  @FuzzTest(maxDuration = "60m")
  void shouldReadAnyOptionsToTheirEnd(byte[] data) {
    PacketHeader h = new PacketHeader();
    if (h.parse(data, 0, data.length) == PacketHeader.OK) {
      if (h.version == 4) {
        Ipv4Options.scan(data, 20, h.transportOffset);
      } else {
        new Ipv6Extensions().parse(data, h);
      }
    }
    Ipv4Options.scan(data, 0, data.length);
  }
}
