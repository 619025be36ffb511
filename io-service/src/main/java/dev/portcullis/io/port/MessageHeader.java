package dev.portcullis.io.port;

/**
 * Where the fields of {@code struct mmsghdr} are, and the size of {@code struct iovec}, for {@code
 * sendmmsg(2)} and {@code recvmmsg(2)} on 64-bit Linux. The name comes first.
 */
final class MessageHeader {

  static final int BYTES = 64,
      NAME_LENGTH_AT = 8,
      VECTOR_AT = 16,
      VECTORS_AT = 24,
      FLAGS_AT = 48,
      LENGTH_AT = 56,
      VECTOR_BYTES = 16;

  private MessageHeader() {}
}
