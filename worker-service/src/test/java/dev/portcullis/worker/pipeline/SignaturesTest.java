package dev.portcullis.worker.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.portcullis.core.policy.GatewaySpec.Protocol;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SignaturesTest {

  private static Protocol found(int side, String text, int step) {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    int state = side;
    for (int i = 0; i < bytes.length; i += step) {
      state = Signatures.read(state, bytes, i, Math.min(bytes.length, i + step));
    }
    return Protocol.values()[Signatures.found(state)];
  }

  @ParameterizedTest
  @CsvSource({
    "CLIENT,GET /index.html HTTP/1.1,HTTP",
    "CLIENT,POST http://a/b HTTP/1.1,HTTP",
    "CLIENT,OPTIONS * HTTP/1.1,HTTP",
    "CLIENT,CONNECT a:443 HTTP/1.1,HTTP",
    "CLIENT,PRI * HTTP/2.0,HTTP",
    "CLIENT,SSH-2.0-OpenSSH_9.6,SSH",
    "SERVER,SSH-1.99-x,SSH",
    "CLIENT,EHLO mail.example.org,SMTP",
    "CLIENT,helo a,SMTP",
    "SERVER,+OK POP3 ready,POP3",
    "SERVER,* OK IMAP4rev2,IMAP",
    "SERVER,* PREAUTH hello,IMAP",
    "CLIENT,GETTING,NONE",
    "CLIENT,get / HTTP/1.1,NONE",
    "CLIENT,OPTIONS sip:a@b SIP/2.0,NONE",
    "CLIENT,DESCRIBE rtsp://a/b RTSP/1.0,NONE",
    "CLIENT,SSH,NONE",
    "SERVER,GET / HTTP/1.1,NONE",
    "SERVER,220 mail.example.org ESMTP,NONE",
    "CLIENT,+OK,NONE"
  })
  void shouldTellAProtocolByItsFirstBytesInAnyPieces(String side, String text, Protocol it) {
    int root = side.equals("CLIENT") ? Signatures.CLIENT : Signatures.SERVER;
    for (int step = 1; step <= text.length(); step++) {
      assertEquals(it, found(root, text, step), "in pieces of " + step);
    }
  }

  @Test
  void shouldTellAClientHelloOfEveryVersionOfTls() {
    for (char minor = 0; minor < 7; minor++) {
      Protocol it = found(Signatures.CLIENT, "\26\3" + minor + "\2\0\1\0\1\374\3\3", 1);
      assertEquals(minor <= 4 ? Protocol.TLS : Protocol.NONE, it);
    }
    assertEquals(Protocol.NONE, found(Signatures.CLIENT, "\26\3\1\0\4\2", 6), "no ClientHello");
  }

  @Test
  void shouldBeOverAfterTheLongestSignature() {
    byte[] bytes = new byte[Signatures.LONGEST];
    for (int first = 0; first < 65_536; first++) {
      bytes[0] = (byte) (first >>> 8);
      bytes[1] = (byte) first;
      for (int side : new int[] {Signatures.CLIENT, Signatures.SERVER}) {
        assertTrue(Signatures.isOver(Signatures.read(side, bytes, 0, bytes.length)));
      }
    }
  }
}
