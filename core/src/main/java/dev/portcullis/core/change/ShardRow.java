package dev.portcullis.core.change;

import dev.portcullis.core.elastic.KeyClass;
import dev.portcullis.core.elastic.ShardId;
import dev.portcullis.core.elastic.ShardMessage;
import dev.portcullis.core.elastic.ShardMessage.Activate;
import dev.portcullis.core.elastic.ShardMessage.Barrier;
import dev.portcullis.core.elastic.ShardMessage.Copy;
import dev.portcullis.core.elastic.ShardMessage.Incomplete;
import dev.portcullis.core.elastic.ShardMessage.Taken;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.packet.PacketBatch;
import dev.portcullis.core.packet.PacketFlags;
import dev.portcullis.core.wire.PacketHeader;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Messages of a change of table as rows of a batch ({@link PacketFlags#MESSAGE}); layout in
 * docs/wire.md. The entries of a copy follow it as rows of their own. One row, used again; reading
 * never fails on any bytes. Thread: one shard.
 */
public final class ShardRow {

  private static final int BARRIER = 10, COPY = 11, ACTIVATE = 12, TAKEN = 13, INCOMPLETE = 14;
  private static final int AT_LANE = 1, AT_BROKEN = 2, AT_SHARD = 3, AT_EPOCH = 4, AT_MODULE = 8;
  private static final int AT_FROM = 12, AT_TO = 16, AT_VERSION = 20;
  private static final int AT_COUNT = 24, AT_CHECKSUM = 32, LENGTH = 40;

  private final PacketBatch row = new PacketBatch(LENGTH);

  /** Makes the row. */
  public ShardRow() {
    row.count = 1;
  }

  /** Returns the row that carries a message of a shard; valid until the next call. */
  public PacketBatch write(ShardId from, ShardMessage message) {
    row.clearRow(0);
    row.flags[0] = PacketFlags.MESSAGE;
    row.dataLength[0] = LENGTH;
    byte[] bytes = row.bytes;
    Arrays.fill(bytes, 0, LENGTH, (byte) 0);
    bytes[AT_SHARD] = (byte) from.shard();
    PacketHeader.put32(bytes, AT_EPOCH, message.epoch());
    PacketHeader.put32(bytes, AT_MODULE, from.module().encoded());
    switch (message) {
      case Barrier _ -> bytes[0] = BARRIER;
      case Copy it -> {
        bytes[0] = COPY;
        of(it.of());
        PacketHeader.put32(bytes, AT_VERSION, it.version());
      }
      case Activate it -> {
        bytes[0] = ACTIVATE;
        of(it.of());
        bytes[AT_BROKEN] = (byte) (it.broken() ? 1 : 0);
        PacketHeader.put32(bytes, AT_VERSION, it.version());
        PacketHeader.put64(bytes, AT_COUNT, it.count());
        PacketHeader.put64(bytes, AT_CHECKSUM, it.checksum());
      }
      case Taken it -> {
        bytes[0] = TAKEN;
        of(it.of());
      }
      case Incomplete it -> {
        bytes[0] = INCOMPLETE;
        of(it.of());
      }
    }
    return row;
  }

  private void of(KeyClass it) {
    row.bytes[AT_LANE] = (byte) it.lane();
    PacketHeader.put32(row.bytes, AT_FROM, it.from());
    PacketHeader.put32(row.bytes, AT_TO, it.to());
  }

  /** Whether a message is one of a change. */
  public static boolean is(PacketBatch batch, int i) {
    if (batch.dataLength[i] != LENGTH) {
      return false;
    }
    int type = batch.bytes[batch.dataOffset[i]];
    return type >= BARRIER && type <= INCOMPLETE;
  }

  private static int word(PacketBatch batch, int i, int at) {
    return (int) PacketHeader.u32(batch.bytes, batch.dataOffset[i] + at);
  }

  /** Returns who says a message of a change; null where that is no module. */
  public static @Nullable ShardId from(PacketBatch batch, int i) {
    int encoded = word(batch, i, AT_MODULE);
    for (ModuleId.Kind kind : ModuleId.Kind.values()) {
      if (kind.code() == encoded >>> 24) {
        int shard = batch.bytes[batch.dataOffset[i] + AT_SHARD] & 0xff;
        return new ShardId(ModuleId.decode(encoded), shard);
      }
    }
    return null;
  }

  /** Reads a message of a change; a copy is without its entries. */
  public static ShardMessage read(PacketBatch batch, int i) {
    byte[] bytes = batch.bytes;
    int at = batch.dataOffset[i];
    int epoch = word(batch, i, AT_EPOCH);
    KeyClass of =
        new KeyClass(
            word(batch, i, AT_FROM) & 0xff_ffff,
            word(batch, i, AT_TO) & 0xff_ffff,
            bytes[at + AT_LANE] & 0xff);
    return switch (bytes[at]) {
      case COPY -> new Copy(epoch, of, word(batch, i, AT_VERSION), NO_ENTRIES);
      case ACTIVATE ->
          new Activate(
              epoch,
              of,
              word(batch, i, AT_VERSION),
              PacketHeader.u64(bytes, at + AT_COUNT),
              PacketHeader.u64(bytes, at + AT_CHECKSUM),
              bytes[at + AT_BROKEN] != 0);
      case TAKEN -> new Taken(epoch, of);
      case INCOMPLETE -> new Incomplete(epoch, of);
      default -> new Barrier(epoch);
    };
  }

  private static final Object NO_ENTRIES = new Object();
}
