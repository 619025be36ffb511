package dev.portcullis.core.link;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A peer that does not behave is refused with a status and counted, and no other link notices. */
class RefusedPeersTest {

  private static final String HOST = "127.0.0.1";
  private static final ModuleId WORKER = ModuleId.worker(0);

  private static final MethodDescriptor.Marshaller<byte[]> BYTES =
      new MethodDescriptor.Marshaller<>() {
        @Override
        public InputStream stream(byte[] value) {
          return new ByteArrayInputStream(value);
        }

        @Override
        public byte[] parse(InputStream stream) {
          try {
            return stream.readAllBytes();
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        }
      };

  private static final MethodDescriptor<byte[], byte[]> EXCHANGE =
      MethodDescriptor.<byte[], byte[]>newBuilder()
          .setType(MethodDescriptor.MethodType.BIDI_STREAMING)
          .setFullMethodName("portcullis.link.v1.PacketLink/Exchange")
          .setRequestMarshaller(BYTES)
          .setResponseMarshaller(BYTES)
          .build();

  private final LinkLoops loops = LinkLoops.start(2, "test");
  private Ends worker;
  private Ends good;
  private int port;

  @BeforeEach
  void open() throws Exception {
    worker =
        new Ends(
            loops, WORKER, 7, LinkSecurity.plaintext().admitting(it -> !it.equals(ModuleId.io(9))));
    port = worker.links.listen(HOST, 0).getPort();
    good = new Ends(loops, ModuleId.io(0), 1, LinkSecurity.plaintext());
    good.links.connect(WORKER, 0, 0, HOST, port);
    good.send(WORKER, 1000);
    assertTrue(worker.await(1000));
  }

  @AfterEach
  void close() throws Exception {
    long before = worker.received.get();
    good.send(WORKER, 1000);
    assertTrue(worker.await(before + 1000), "the other link noticed");
    assertEquals(null, worker.fault.get());
    assertEquals(0, good.refused.get());
    good.close();
    worker.close();
    loops.close();
  }

  private static Metadata hello(Consumer<Metadata> change) {
    Metadata metadata = new Hello(ModuleId.io(1), 0, 0, 1).toMetadata(java.util.Map.of());
    change.accept(metadata);
    return metadata;
  }

  private static byte[] header(ModuleId source, ModuleId destination) {
    BatchHeader header = new BatchHeader();
    header.source = source.encoded();
    header.destination = destination.encoded();
    header.sourceGeneration = 1;
    byte[] bytes = new byte[200];
    int length = BatchCodec.writeHeader(header, bytes, 0);
    return Arrays.copyOf(bytes, length);
  }

  private static void set(Metadata metadata, Metadata.Key<String> key, String value) {
    metadata.discardAll(key);
    metadata.put(key, value);
  }

  /** Opens a stream, sends what is given and returns how it ended. */
  private Status speak(Metadata hello, byte[]... messages) throws Exception {
    ManagedChannel channel =
        Grpc.newChannelBuilderForAddress(HOST, port, InsecureChannelCredentials.create()).build();
    try {
      CompletableFuture<Status> end = new CompletableFuture<>();
      ClientCall<byte[], byte[]> call = channel.newCall(EXCHANGE, CallOptions.DEFAULT);
      call.start(
          new ClientCall.Listener<>() {
            @Override
            public void onClose(Status status, Metadata trailers) {
              end.complete(status);
            }
          },
          hello);
      call.request(100);
      for (byte[] message : messages) {
        call.sendMessage(message);
      }
      return end.get(20, TimeUnit.SECONDS);
    } finally {
      channel.shutdownNow();
    }
  }

  private void assertRefused(Status status, Status.Code code, LinkFault fault, String says) {
    assertEquals(code, status.getCode(), status.toString());
    assertTrue(String.valueOf(status.getDescription()).contains(says), status.toString());
    assertCounted(fault);
  }

  /** Exactly one refusal is counted, for this cause. */
  private void assertCounted(LinkFault fault) {
    assertEquals(1, worker.refused(fault), fault::label);
    assertEquals(1, worker.refused.get());
  }

  private void awaitCounted(LinkFault fault) throws InterruptedException {
    long deadline = System.nanoTime() + 10_000_000_000L;
    while (worker.refused(fault) == 0 && System.nanoTime() < deadline) {
      Thread.sleep(5);
    }
    assertCounted(fault);
  }

  @Test
  void shouldRefuseAPeerThatDoesNotSayWhoItIs() throws Exception {
    assertRefused(
        speak(hello(it -> it.discardAll(Hello.MODULE_KEY))),
        Status.Code.INVALID_ARGUMENT,
        LinkFault.MALFORMED,
        "the metadata lacks portcullis-module");
  }

  @Test
  void shouldRefuseAnUnknownKindOfModule() throws Exception {
    assertRefused(
        speak(hello(it -> set(it, Hello.MODULE_KEY, "toaster/1"))),
        Status.Code.INVALID_ARGUMENT,
        LinkFault.UNKNOWN,
        "portcullis-module is \"toaster/1\"; allowed is");
  }

  @Test
  void shouldRefuseAnotherVersionOfTheProtocol() throws Exception {
    assertRefused(
        speak(hello(it -> set(it, Hello.VERSION_KEY, "2"))),
        Status.Code.FAILED_PRECONDITION,
        LinkFault.VERSION,
        "protocol version 2 is not spoken here, 1 is");
  }

  @Test
  void shouldRefuseALaneThatIsNotThere() throws Exception {
    assertRefused(
        speak(hello(it -> set(it, Hello.PEER_LANE_KEY, "5"))),
        Status.Code.INVALID_ARGUMENT,
        LinkFault.MISDIRECTED,
        "has lanes 0 to 0, not 5");
  }

  @Test
  void shouldDropAPeerThatSendsGarbage() throws Exception {
    assertRefused(
        speak(hello(it -> {}), new byte[] {(byte) 0xff, (byte) 0xff, 3, 4, 5}),
        Status.Code.INVALID_ARGUMENT,
        LinkFault.MALFORMED,
        "");
  }

  @Test
  void shouldDropAPeerThatSpeaksInTheNameOfAnother() throws Exception {
    assertRefused(
        speak(hello(it -> {}), header(ModuleId.io(9), WORKER)),
        Status.Code.PERMISSION_DENIED,
        LinkFault.IDENTITY,
        "another module than the one that opened the stream");
  }

  @Test
  void shouldRefuseAModuleThatTheConfigurationDoesNotHave() throws Exception {
    assertRefused(
        speak(hello(it -> set(it, Hello.MODULE_KEY, "io/9"))),
        Status.Code.INVALID_ARGUMENT,
        LinkFault.UNKNOWN,
        "the configuration has no io/9 that may link here");
  }

  @Test
  void shouldDropAMessageForAnotherModule() throws Exception {
    assertRefused(
        speak(hello(it -> {}), header(ModuleId.io(1), ModuleId.worker(5))),
        Status.Code.INVALID_ARGUMENT,
        LinkFault.MISDIRECTED,
        "a message for another module or lane");
  }

  @Test
  void shouldDropAPeerThatSendsTenMebibytesAtOnce() throws Exception {
    assertRefused(
        speak(hello(it -> {}), new byte[10 << 20]),
        Status.Code.RESOURCE_EXHAUSTED,
        LinkFault.TOO_LARGE,
        "a message of 10485760 bytes");
  }

  @Test
  void shouldCloseAConnectionOverWhichNobodySpeaks() throws Exception {
    try (Socket silent = new Socket(HOST, port)) {
      silent.setSoTimeout(10_000);
      silent.getInputStream().readAllBytes();
      awaitCounted(LinkFault.SILENT);
    }
  }

  @Test
  void shouldCloseAConnectionThatShakesHandsAndThenCallsNobody() throws Exception {
    try (Socket silent = new Socket(HOST, port)) {
      silent.setSoTimeout(10_000);
      silent.getOutputStream().write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(US_ASCII));
      silent.getOutputStream().write(new byte[] {0, 0, 0, 4, 0, 0, 0, 0, 0});
      silent.getInputStream().readAllBytes();
      awaitCounted(LinkFault.SILENT);
    }
  }

  @Test
  void shouldCloseAConnectionOverWhichGarbageComes() throws Exception {
    try (Socket garbage = new Socket(HOST, port)) {
      garbage.setSoTimeout(10_000);
      byte[] bytes = new byte[100_000];
      new Random(7).nextBytes(bytes);
      try {
        garbage.getOutputStream().write(bytes);
        garbage.getInputStream().readAllBytes();
      } catch (IOException e) {
        // closed before all of it was taken
      }
      awaitCounted(LinkFault.MALFORMED);
    }
  }

  @Test
  void shouldNotCountAConnectionThatIsOpenedAndClosedAtOnce() throws Exception {
    new Socket(HOST, port).close();
    Thread.sleep(50);
    assertEquals(0, worker.refused.get());
  }

  @Test
  void shouldCarryPacketsWhileManyPeersMisbehave() throws Exception {
    good.send(WORKER, 20_000);
    for (int i = 0; i < 10; i++) {
      speak(hello(it -> set(it, Hello.VERSION_KEY, "2")));
      speak(hello(it -> {}), new byte[] {(byte) 0xff, (byte) 0xff, 3, 4, 5});
      speak(hello(it -> {}), new byte[10 << 20]);
    }
    assertTrue(worker.await(21_000));
    assertEquals(10, worker.refused(LinkFault.VERSION));
    assertEquals(10, worker.refused(LinkFault.MALFORMED));
    assertEquals(10, worker.refused(LinkFault.TOO_LARGE));
  }
}
