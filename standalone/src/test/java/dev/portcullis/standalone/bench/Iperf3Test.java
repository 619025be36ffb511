package dev.portcullis.standalone.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class Iperf3Test {

  @Test
  void shouldReadWhatTheServerReceived() throws Exception {
    String json =
        """
        {"end":	{"sum_sent":	{"seconds":	2, "bits_per_second":	16e9},
        	"sum_received":	{
        		"seconds":	2.0001,
        		"bits_per_second":	8000000000.5,
        		"sender":	true
        	}}}
        """;
    assertEquals(1_000_000_000.0625, Iperf3.received(json));
  }

  @Test
  void shouldFailOnAnythingElse() {
    assertThrows(IOException.class, () -> Iperf3.received("{\"error\": \"unable to connect\"}"));
  }
}
