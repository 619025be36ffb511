package dev.portcullis.core.link;

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
    worker = new Ends(loops, WORKER, 7, LinkSecurity.plaintext());
    port = worker.links.listen(HOST, 0).getPort();
    good = new Ends(loops, ModuleId.io(0), 1, LinkSecurity.plaintext());
    good.links.connect(WORKER, 0, 0, HOST, port);
    good.send(WORKER, 1000);
    assertTrue(worker.await(1000));
  }

  @AfterEach
  void close() throws Exception {
    good.send(WORKER, 1000);
    assertTrue(worker.await(2000), "the other link noticed");
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

  private void assertRefused(Status status, Status.Code code, String says) {
    assertEquals(code, status.getCode(), status.toString());
    assertTrue(String.valueOf(status.getDescription()).contains(says), status.toString());
    assertEquals(1, worker.refused.get());
  }

  @Test
  void shouldRefuseAPeerThatDoesNotSayWhoItIs() throws Exception {
    assertRefused(
        speak(hello(it -> it.discardAll(Hello.MODULE_KEY))),
        Status.Code.INVALID_ARGUMENT,
        "the metadata lacks portcullis-module");
  }

  @Test
  void shouldRefuseAnUnknownKindOfModule() throws Exception {
    assertRefused(
        speak(hello(it -> set(it, Hello.MODULE_KEY, "toaster/1"))),
        Status.Code.INVALID_ARGUMENT,
        "portcullis-module is \"toaster/1\"; allowed is");
  }

  @Test
  void shouldRefuseAnotherVersionOfTheProtocol() throws Exception {
    assertRefused(
        speak(hello(it -> set(it, Hello.VERSION_KEY, "2"))),
        Status.Code.FAILED_PRECONDITION,
        "protocol version 2 is not spoken here, 1 is");
  }

  @Test
  void shouldRefuseALaneThatIsNotThere() throws Exception {
    assertRefused(
        speak(hello(it -> set(it, Hello.PEER_LANE_KEY, "5"))),
        Status.Code.INVALID_ARGUMENT,
        "has lanes 0 to 0, not 5");
  }

  @Test
  void shouldDropAPeerThatSendsGarbage() throws Exception {
    assertRefused(
        speak(hello(it -> {}), new byte[] {(byte) 0xff, (byte) 0xff, 3, 4, 5}),
        Status.Code.INVALID_ARGUMENT,
        "");
  }

  @Test
  void shouldDropAPeerThatSpeaksInTheNameOfAnother() throws Exception {
    BatchHeader header = new BatchHeader();
    header.source = ModuleId.io(9).encoded();
    header.destination = WORKER.encoded();
    header.sourceGeneration = 1;
    byte[] bytes = new byte[200];
    int length = BatchCodec.writeHeader(header, bytes, 0);
    assertRefused(
        speak(hello(it -> {}), java.util.Arrays.copyOf(bytes, length)),
        Status.Code.INVALID_ARGUMENT,
        "another module than the one that opened the stream");
  }

  @Test
  void shouldDropAPeerThatSendsTooMuchAtOnce() throws Exception {
    Status status = speak(hello(it -> {}), new byte[10 << 20]);
    assertEquals(Status.Code.RESOURCE_EXHAUSTED, status.getCode(), status.toString());
    assertEquals(1, worker.refused.get());
  }

  @Test
  void shouldNotMindAConnectionThatSaysNothing() throws Exception {
    try (Socket silent = new Socket(HOST, port)) {
      good.send(WORKER, 0);
      assertTrue(silent.isConnected());
    }
  }
}
