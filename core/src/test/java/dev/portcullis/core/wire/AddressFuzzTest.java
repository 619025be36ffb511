package dev.portcullis.core.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;

/** Every address and prefix that is read is written so that it reads the same again. */
class AddressFuzzTest {

  @FuzzTest(maxDuration = "60m")
  void shouldReadWhatItWrites(FuzzedDataProvider data) {
    String text = data.consumeRemainingAsAsciiString();
    IpAddress address = IpAddress.parse(text);
    if (address != null) {
      assertEquals(address, IpAddress.parse(address.toString()));
    }
    Prefix prefix = Prefix.parse(text);
    if (prefix != null) {
      assertEquals(prefix, Prefix.parse(prefix.toString()));
    }
  }
}
