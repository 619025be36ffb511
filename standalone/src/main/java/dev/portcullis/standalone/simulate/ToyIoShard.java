package dev.portcullis.standalone.simulate;

import dev.portcullis.core.elastic.ChangeSender;
import dev.portcullis.core.elastic.ControlMessage.Abort;
import dev.portcullis.core.elastic.ControlMessage.Begin;
import dev.portcullis.core.elastic.ControlMessage.Commit;
import dev.portcullis.core.elastic.ControlMessage.Generation;
import dev.portcullis.core.elastic.ControlMessage.Order;
import dev.portcullis.core.elastic.ControlMessage.Prepare;
import dev.portcullis.core.elastic.ControlMessage.Retire;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.elastic.Members;
import dev.portcullis.core.elastic.ShardId;
import dev.portcullis.core.elastic.ShardMessage;
import org.jspecify.annotations.Nullable;

/** An IO module: the hosts behind its ports give it packets and take them. */
final class ToyIoShard extends ToyShard implements ChangeSender.Actions {

  private @Nullable ChangeSender sender;
  private int firstEpoch;

  ToyIoShard(Simulation gateway, ToyModule module) {
    super(gateway, module, 0);
  }

  @Override
  int epoch() {
    return sender == null ? firstEpoch : sender.epoch();
  }

  /** A host sends a packet. */
  void receive(Packet packet) {
    ChangeSender it = sender;
    if (it == null || !gateway().seams().mayTakeIn(it.mayTakeIn())) {
      packet.flow.broken = true;
      return;
    }
    packet.at = this;
    gateway().ledger().received(packet);
    Members next = it.next();
    Members members = it.switched() && next != null ? next : it.now();
    Life owner = gateway().owner(members, packet.key());
    send(owner.shardOf(gateway().lane(packet.key())), packet);
  }

  @Override
  void order(Order order) {
    if (order instanceof Begin begin) {
      firstEpoch = begin.now().epoch();
      sender = new ChangeSender(id(), begin.now(), this);
      Members coming = begin.next();
      if (coming != null) {
        sender.prepare(begin.now(), coming);
        module().machine().prepared(0, coming.epoch(), true);
        if (begin.committed()) {
          switched(sender, coming.epoch());
        }
      }
    }
    if (sender == null && order instanceof Prepare prepare) {
      firstEpoch = prepare.now().epoch();
      sender = new ChangeSender(id(), prepare.now(), this);
    }
    ChangeSender it = sender;
    if (it == null) {
      return;
    }
    switch (order) {
      case Prepare prepare -> {
        it.prepare(prepare.now(), prepare.next());
        module().machine().prepared(0, prepare.next().epoch(), true);
      }
      case Commit commit -> switched(it, commit.epoch());
      case Abort abort -> it.abort();
      case Retire retire -> {
        it.retire();
        module().retired();
      }
      case Generation generation -> {
        Life successor = generation.successor();
        it.generation(generation.ended(), successor);
        if (successor == null) {
          close(generation.ended());
        }
      }
      default -> {}
    }
  }

  private void switched(ChangeSender it, int epoch) {
    it.commit();
    module().machine().done(0, epoch);
  }

  @Override
  public void send(ShardId to, ShardMessage message) {
    super.send(to, message);
  }

  @Override
  public void open(Life member) {
    super.open(member);
  }

  @Override
  public void close(Life member) {
    // its channels go with it
  }

  @Override
  void acknowledged(Wire wire, long upTo) {}

  @Override
  boolean read(ShardId from, Wire.Message message) {
    ChangeSender it = sender;
    if (it == null) {
      return false;
    }
    if (message.epoch() > it.epoch()) {
      it.commit();
      if (message.epoch() > it.epoch()) {
        return false;
      }
    }
    if (message.body() instanceof Packet packet) {
      gateway().ledger().delivered(packet);
      gateway().traffic().delivered(packet, this);
    }
    return true;
  }
}
