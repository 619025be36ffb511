package dev.portcullis.worker.stage.ftp;

import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.stage.Vector;

/**
 * Replaces a part of the payload of a TCP segment by another text: the packet moves to where there
 * is room for it, lengths and checksums follow by what changed (RFC 1624), so a checksum that was
 * wrong stays wrong. Thread: any.
 */
final class PayloadRewrite {

  private PayloadRewrite() {}

  /**
   * Replaces bytes {@code from} to {@code to} of row {@code i}, offsets in the batch that lie in
   * the payload.
   *
   * @return false where the packet would be longer than a packet can be; then nothing has changed
   */
  static boolean replace(Vector v, int i, int from, int to, byte[] text) {
    PacketHeader h = v.header[i];
    int start = h.offset;
    int lengthBefore = h.end - start;
    int length = lengthBefore + text.length - (to - from);
    if (length > 0xffff) {
      return false;
    }
    int transport = h.transportOffset - start;
    int covered = from - start - (from - h.transportOffset & 1);
    int checksumBefore = Checksum.sum(v.batch.bytes, start + covered, lengthBefore - covered, 0);
    int at = v.room(length);
    byte[] bytes = v.batch.bytes;
    int front = from - start;
    System.arraycopy(bytes, start, bytes, at, front);
    System.arraycopy(text, 0, bytes, at + front, text.length);
    System.arraycopy(bytes, to, bytes, at + front + text.length, lengthBefore - (to - start));
    setLength(bytes, at, h.version, length);
    int change =
        Checksum.both(
            Checksum.change(checksumBefore, Checksum.sum(bytes, at + covered, length - covered, 0)),
            Checksum.change(lengthBefore - transport, length - transport));
    Checksum.apply(bytes, at + transport + 16, change);
    v.batch.dataOffset[i] = at;
    v.batch.dataLength[i] = length;
    h.parse(bytes, at, length);
    return true;
  }

  private static void setLength(byte[] bytes, int at, int version, int length) {
    if (version == 4) {
      int before = PacketHeader.u16(bytes, at + 2);
      PacketHeader.put16(bytes, at + 2, length);
      Checksum.apply(bytes, at + 10, Checksum.change(before, length));
    } else {
      PacketHeader.put16(bytes, at + 4, length - 40);
    }
  }
}
