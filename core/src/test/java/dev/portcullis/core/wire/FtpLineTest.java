package dev.portcullis.core.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which lines announce a data connection, and what takes their place. */
class FtpLineTest {

  private final FtpLine line = new FtpLine();

  private int read(String text) {
    byte[] bytes = text.replace("\\r", "\r").replace("\\n", "\n").getBytes(StandardCharsets.UTF_8);
    return line.read(bytes, 0, bytes.length, text.startsWith("2"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "'PORT 10,0,0,5,156,64\\r\\n'; 1; 10.0.0.5; 40000",
        "'port   10,0,0,5,0,21\\n'; 1; 10.0.0.5; 21",
        "'EPRT |1|10.0.0.5|40000|\\r\\n'; 2; 10.0.0.5; 40000",
        "'eprt |2|fd00::5|40000|\\r\\n'; 2; fd00::5; 40000",
        "'EPRT !2!2001:db8:1:2:3:4:5:6!1!\\r\\n'; 2; 2001:db8:1:2:3:4:5:6; 1",
        "'EPRT |2|::1|65535|\\r\\n'; 2; ::1; 65535",
        "'EPRT |2|fe80::|7|\\r\\n'; 2; fe80::; 7",
        "'227 Entering Passive Mode (198,51,100,7,19,137)\\r\\n'; 3; 198.51.100.7; 5001",
        "'227 198,51,100,7,19,137\\r\\n'; 3; 198.51.100.7; 5001",
        "'227 Version 12 mode =198,51,100,7,19,137.\\r\\n'; 3; 198.51.100.7; 5001",
      })
  void shouldReadAddressAndPort(String text, int kind, String address, int port) {
    assertEquals(kind, read(text));
    assertEquals(address, new IpAddress(line.version, line.high, line.low).toString());
    assertEquals(port, line.port);
  }

  @Test
  void shouldFindTheNextLineAndNoneBehindTheLast() {
    byte[] bytes = "TYPE I\r\nPORT 10,0,0,5,1,1\r\nRETR".getBytes(StandardCharsets.UTF_8);
    assertEquals(FtpLine.NONE, line.read(bytes, 0, bytes.length, false));
    assertEquals(8, line.next);
    assertEquals(FtpLine.PORT, line.read(bytes, 8, bytes.length, false));
    assertEquals(27, line.next);
    assertEquals(FtpLine.NONE, line.read(bytes, 27, bytes.length, false));
    assertEquals(-1, line.next);
  }

  @Test
  void shouldNotLookAtALineThatIsTooLong() {
    String text = "227 " + "x".repeat(FtpLine.MAX_LINE) + " (198,51,100,7,19,137)\r\n";
    assertEquals(FtpLine.NONE, read(text));
    assertEquals(text.length(), line.next);
  }

  @Test
  void shouldReadThePortOfAnExtendedPassiveReply() {
    assertEquals(
        FtpLine.EXTENDED_PASSIVE, read("229 Entering Extended Passive Mode (|||5001|)\\r\\n"));
    assertEquals("0 5001", line.version + " " + line.port);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "227 198,51,100,7,0,0000964731\\r\\n",
        "",
        "PORT",
        "PORT \\r\\n",
        "PORT 10,0,0,5,156,64",
        "PORT 10,0,0,5,156\\r\\n",
        "PORT 10,0,0,256,1,1\\r\\n",
        "PORT 10,0,0,5,0,0\\r\\n",
        "PORT 10,0,0,5,1,1 trailing\\r\\n",
        "REPORT 10,0,0,5,1,1\\r\\n",
        "RETR PORT 10,0,0,5,1,1\\r\\n",
        "EPRT |3|10.0.0.5|1|\\r\\n",
        "EPRT |1|10.0.0|1|\\r\\n",
        "EPRT |1|10.0.0.5|65536|\\r\\n",
        "EPRT |1|10.0.0.5|1\\r\\n",
        "EPRT |2|fd00:::5|1|\\r\\n",
        "EPRT |2|1:2:3:4:5:6:7:8:9|1|\\r\\n",
        "EPRT |2|1:2:3:4:5:6:7|1|\\r\\n",
        "EPRT |2|1::2::3|1|\\r\\n",
        "EPRT |2|12345::|1|\\r\\n",
        "227-Entering Passive Mode (1,2,3,4,5,6)\\r\\n",
        "227 Entering Passive Mode (1,2,3,4,5)\\r\\n",
        "229 Extended (||5001|)\\r\\n",
        "229 Extended (|||5001)\\r\\n",
        "229 Extended |||5001|\\r\\n",
        "229 (|||0|)\\r\\n",
        "220 1,2,3,4,5,6\\r\\n",
      })
  void shouldSeeNothingInOtherLines(String text) {
    assertEquals(FtpLine.NONE, read(text));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "'PORT 10,0,0,5,156,64\\r\\n'; 203.0.113.10; 1024; '203,0,113,10,4,0'",
        "'227 Passive (10,0,0,5,1,1)\\r\\n'; 203.0.113.10; 65535; '203,0,113,10,255,255'",
        "'EPRT |1|10.0.0.5|9|\\r\\n'; 203.0.113.10; 80; '|1|203.0.113.10|80|'",
        "'EPRT !2!fd00::5!9!\\r\\n'; 2001:db8::a0; 80; '!2!2001:db8:0:0:0:0:0:a0!80!'",
        "'229 Extended (|||9|)\\r\\n'; 203.0.113.10; 10; '|||10|'",
      })
  void shouldWriteAnotherAddressAndPort(String text, String address, int port, String written) {
    read(text);
    IpAddress to = IpAddress.parse(address);
    byte[] bytes = new byte[FtpLine.MAX_WRITTEN];
    int end = line.write(bytes, 0, to.high(), to.low(), port);
    assertEquals(written, new String(bytes, 0, end, StandardCharsets.UTF_8));
    String whole = text.replace("\\r", "\r").replace("\\n", "\n");
    String next = whole.substring(0, line.start) + written + whole.substring(line.end);
    byte[] again = next.getBytes(StandardCharsets.UTF_8);
    int kind = line.kind;
    assertEquals(kind, line.read(again, 0, again.length, text.startsWith("2")));
    assertEquals(port, line.port);
  }
}
