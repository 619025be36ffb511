package dev.portcullis.worker.stage.ftp;

import dev.portcullis.core.wire.Checksum;
import dev.portcullis.core.wire.PacketHeader;
import dev.portcullis.worker.stage.Stage;
import dev.portcullis.worker.stage.Vector;

/**
 * Writes translated addresses and ports into the lines that announce data connections, and shifts
 * the sequence numbers behind a line that has changed its length. Behind stateful inspection, which
 * follows the numbers of the speaker.
 */
public final class FtpRewriteStage implements Stage {

  private final FtpStage ftp;
  private final FtpCommand command = new FtpCommand();

  /** Makes the stage, for the connections that {@code ftp} reads. */
  public FtpRewriteStage(FtpStage ftp) {
    this.ftp = ftp;
  }

  @Override
  public void process(Vector v) {
    for (int i = v.from; i < v.to; i++) {
      v.current = i;
      if (v.kind[i] == Vector.KNOWN) {
        FtpControl control = ftp.control(v.flow[i] >>> 1);
        if (control != null) {
          rewrite(v, i, control.sides[v.flow[i] & 1]);
        }
      }
    }
  }

  private void rewrite(Vector v, int i, FtpControl.Side side) {
    PacketHeader h = v.header[i];
    int sequence = (int) PacketHeader.u32(v.batch.bytes, h.transportOffset + 4);
    if (side.hasAnnounced && side.rewritten && side.announced == sequence) {
      int start = TcpNumbers.payload(v.batch.bytes, h);
      boolean fromServer = (v.flow[i] & 1) != 0;
      if (command.read(v.batch.bytes, start, h.end, fromServer) != FtpCommand.NONE) {
        replace(v, i, side);
        side.shift.grew(sequence, v.header[i].end - h.offset - lengthBefore);
        v.did[i] |= Vector.DID_FTP;
      }
    }
    TcpNumbers.shift(v.batch.bytes, v.header[i], side.shift.ofSequence(sequence));
  }

  private int lengthBefore;

  /** Copies the packet with the other line to where there is room for it. */
  private void replace(Vector v, int i, FtpControl.Side side) {
    PacketHeader h = v.header[i];
    int from = h.offset;
    int end = h.end;
    lengthBefore = end - from;
    int at = v.room(lengthBefore + FtpCommand.MAX_WRITTEN);
    byte[] bytes = v.batch.bytes;
    System.arraycopy(bytes, from, bytes, at, command.start - from);
    command.within(bytes);
    int written =
        command.write(bytes, at + command.start - from, side.toHigh, side.toLow, side.toPort);
    System.arraycopy(bytes, command.end, bytes, written, end - command.end);
    int length = written + end - command.end - at;
    setLength(bytes, at, h.version, length);
    v.batch.dataOffset[i] = at;
    v.batch.dataLength[i] = length;
    h.parse(bytes, at, length);
    int transport = h.end - h.transportOffset;
    int checksumAt = h.transportOffset + 16;
    put16(bytes, checksumAt, 0);
    long pseudo = Checksum.pseudoHeader(h, transport);
    put16(bytes, checksumAt, ~Checksum.sum(bytes, h.transportOffset, transport, pseudo));
  }

  private static void setLength(byte[] bytes, int at, int version, int length) {
    if (version == 4) {
      int before = PacketHeader.u16(bytes, at + 2);
      put16(bytes, at + 2, length);
      Checksum.apply(bytes, at + 10, Checksum.change(before, length));
    } else {
      put16(bytes, at + 4, length - 40);
    }
  }

  private static void put16(byte[] bytes, int at, int value) {
    bytes[at] = (byte) (value >>> 8);
    bytes[at + 1] = (byte) value;
  }
}
