package dev.portcullis.standalone.simulate;

import dev.portcullis.core.elastic.ChangeWorker;
import dev.portcullis.core.elastic.ControlMessage.Abort;
import dev.portcullis.core.elastic.ControlMessage.Begin;
import dev.portcullis.core.elastic.ControlMessage.Commit;
import dev.portcullis.core.elastic.ControlMessage.Generation;
import dev.portcullis.core.elastic.ControlMessage.Order;
import dev.portcullis.core.elastic.ControlMessage.Prepare;
import dev.portcullis.core.elastic.ControlMessage.Retire;
import dev.portcullis.core.elastic.ControlMessage.Takeover;
import dev.portcullis.core.elastic.KeyClass;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.elastic.Members;
import dev.portcullis.core.elastic.ReplicaMessage;
import dev.portcullis.core.elastic.ShardId;
import dev.portcullis.core.elastic.ShardMessage;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.standalone.simulate.ToyReplicas.Legacy;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A thread of a worker: a flow's packets are counted under its first key, and its path under the
 * second.
 */
final class ToyWorkerShard extends ToyShard implements ChangeWorker.Actions {

  private final ToyContent content;
  private final ToyOutbox outbox;
  private final ToyReplicas replicas;
  private final @Nullable Legacy legacy;
  private final Keyed<Packet> held = new Keyed<>();
  private @Nullable ChangeWorker change;
  private int firstEpoch;
  private int lostEpoch;
  private Members now = Members.NONE;
  private @Nullable Members next;

  /**
   * Begins.
   *
   * @param legacy what an earlier life had replicated; null: begins with nothing
   */
  ToyWorkerShard(Simulation gateway, ToyModule module, int number, @Nullable Legacy legacy) {
    super(gateway, module, number);
    content = new ToyContent(gateway.plan().lanes(), gateway.plan().entryBytes());
    outbox = new ToyOutbox(gateway, this, content);
    replicas = new ToyReplicas(module);
    this.legacy = legacy;
    if (legacy != null) {
      legacy.entries().values().forEach(it -> content.put(it.copy()));
    }
  }

  @Override
  int epoch() {
    return change == null ? firstEpoch : change.epoch();
  }

  @Override
  String describe() {
    return change + ", " + outbox;
  }

  @Override
  int lostEpoch() {
    return lostEpoch;
  }

  @Override
  int oldestEpoch(ShardId to) {
    return outbox.oldestEpoch(to, epoch());
  }

  @Override
  List<Wire> wires() {
    List<Wire> all = super.wires();
    all.addAll(outbox.feeds());
    return all;
  }

  ToyContent content() {
    return content;
  }

  /** The table before the change in progress, or the present one. */
  Members table() {
    return now;
  }

  /** Time passes. */
  void tick() {
    ChangeWorker it = change;
    if (it != null) {
      it.tick(gateway().clock().nowNs());
      if (!it.changing()) {
        content.sweep(gateway().traffic());
        outbox.flushSoon();
      }
    }
  }

  @Override
  void order(Order order) {
    if (change == null && order instanceof Prepare prepare) {
      begin(prepare.now());
    }
    if (change == null && order instanceof Begin begin) {
      next = begin.next();
      lostEpoch = next == null || legacy != null ? 0 : next.epoch();
      ChangeWorker begun = begin(begin.now());
      if (legacy != null) {
        outbox.resume(legacy.records());
      }
      if (next != null) {
        begun.prepare(now, next, legacy == null);
        if (legacy != null) {
          gateway().seams().resume(begun, legacy.records());
        }
        if (begin.committed()) {
          gateway().seams().commit(begun, this);
        }
      }
      content.keep(this::owns);
      outbox.flushSoon();
    }
    ChangeWorker it = change;
    if (it == null) {
      return;
    }
    it.tick(gateway().clock().nowNs());
    outbox.order(order);
    switch (order) {
      case Takeover takeover -> replicas.takeOver(takeover.of());
      case Prepare prepare -> {
        now = prepare.now();
        next = prepare.next();
        it.prepare(now, next, false);
      }
      case Commit commit -> gateway().seams().commit(it, this);
      case Abort abort -> {
        it.abort();
        next = null;
      }
      case Retire retire -> {
        it.retire();
        if (next != null) {
          now = next;
          next = null;
        }
        module().retired();
      }
      case Generation generation -> generation(it, generation.ended(), generation.successor());
      default -> {}
    }
  }

  private ChangeWorker begin(Members first) {
    now = first;
    firstEpoch = first.epoch();
    Simulation g = gateway();
    change =
        new ChangeWorker(
            id(),
            life().shards(),
            g.plan().lanes(),
            g.plan().holdBytes(),
            g.plan().timing(),
            first,
            content,
            g.seams().worker(this, this));
    return change;
  }

  private void generation(ChangeWorker it, Life ended, @Nullable Life successor) {
    now = successor == null ? now.without(ended) : now.with(successor);
    if (next != null) {
      next = successor == null ? next.without(ended) : next.with(successor);
    }
    if (successor == null) {
      super.close(ended);
    }
    replicas.ended(ended);
    it.generation(ended, successor);
  }

  @Override
  void acknowledged(Wire wire, long upTo) {
    if (!outbox.acknowledged(wire, upTo) && change != null) {
      change.acknowledged(wire.to(), upTo);
    }
  }

  @Override
  boolean replica(Wire wire, ReplicaMessage message) {
    return replicas.take(wire.from(), message);
  }

  /** The guardian has all up to a number, and what waited for that has left. */
  void replicated(long upTo) {
    if (change != null) {
      change.replicated(upTo);
    }
  }

  @Override
  boolean read(ShardId from, Wire.Message message) {
    ChangeWorker it = change;
    if (it == null) {
      return false;
    }
    switch (message.body()) {
      case Hello hello -> {
        if (!it.heard(message.epoch())) {
          return false;
        }
        boolean empty = next != null && hello.lostEpoch() == next.epoch();
        gateway().seams().opened(it, from, message.epoch(), empty);
      }
      case ShardMessage said -> gateway().seams().arrived(it, this, from, said);
      case Packet packet -> {
        if (!it.heard(message.epoch())) {
          return false;
        }
        packet.at = this;
        receive(packet, message.epoch());
      }
      default -> throw new IllegalStateException("no such message: " + message.body());
    }
    return true;
  }

  /** W2. */
  private void receive(Packet packet, int underEpoch) {
    long key = packet.key();
    int lane = gateway().lane(key);
    if (lane % life().shards() != id().shard()) {
      throw new Violation("I1", packet + " of lane " + lane + " came to " + this);
    }
    ChangeWorker it = change;
    if (it == null) {
      throw new IllegalStateException(this + " has no table");
    }
    int ownerNow = gateway().owner(now, key).module().number();
    int ownerNext = next == null ? ownerNow : gateway().owner(next, key).module().number();
    int verdict = gateway().seams().admit(this, it.admit(underEpoch, ownerNow, ownerNext, lane));
    switch (verdict) {
      case ChangeWorker.PROCESS -> process(packet, underEpoch);
      case ChangeWorker.HOLD -> {
        if (it.hold(ownerNow, lane, packet.number, Packet.BYTES)) {
          held.put(packet.number, packet);
        } else {
          packet.flow.broken = true;
          gateway().ledger().dropped(packet, "hold-overflow");
        }
      }
      default ->
          throw new Violation(
              "I1", packet + " under epoch " + underEpoch + " came to " + this + ", not its owner");
    }
  }

  @Override
  public void process(long packet) {
    Packet it = held.remove(packet);
    if (it == null) {
      throw new Violation("I2", "packet number " + packet + " was held by nobody");
    }
    process(it, epoch());
  }

  /** The process ends at once, and with it the packets that it has. */
  void lose() {
    for (Keyed.Node<Packet> it : held) {
      gateway().ledger().lost(it.value, "killed");
    }
    held.clear();
    outbox.lose();
  }

  /** Entries that count. */
  List<Entry> owned() {
    List<Entry> owned = new ArrayList<>();
    for (Entry entry : content.all()) {
      if (owns(entry.key)) {
        owned.add(entry);
      }
    }
    return owned;
  }

  /** Who has a key that this shard owned when it ended. */
  enum Standing {
    HERE,
    ELSEWHERE,
    /** The new owner has ended, too. */
    UNKNOWN
  }

  Standing standing(long key) {
    Members coming = next;
    if (change == null || coming == null) {
      return Standing.HERE;
    }
    int me = id().module().number();
    if (gateway().owner(now, key).module().number() != me) {
      return Standing.HERE;
    }
    Life owner = gateway().owner(coming, key);
    if (owner.module().number() == me) {
      return Standing.HERE;
    }
    ToyModule module = gateway().module(owner.module());
    if (module == null) {
      return Standing.UNKNOWN;
    }
    int lane = gateway().lane(key);
    ToyWorkerShard shard = (ToyWorkerShard) module.shards().get(owner.shardOf(lane).shard());
    return shard.standingOf(coming.epoch(), me, lane);
  }

  /** Whether a class that comes from a worker is elsewhere as seen from there: here. */
  private Standing standingOf(int epoch, int from, int lane) {
    ChangeWorker it = change;
    if (it == null) {
      return Standing.UNKNOWN;
    }
    boolean active =
        now.epoch() >= epoch
            || next != null
                && next.epoch() == epoch
                && it.admit(epoch, from, id().module().number(), lane) == ChangeWorker.PROCESS;
    return active ? Standing.ELSEWHERE : Standing.HERE;
  }

  /** Whether the entry of a key is the one that counts, and no copy ahead of a hand-over. */
  boolean owns(long key) {
    ChangeWorker it = change;
    if (it == null) {
      return true;
    }
    int me = id().module().number();
    int ownerNow = gateway().owner(now, key).module().number();
    Members coming = next;
    if (coming == null || ownerNow == me) {
      return ownerNow == me;
    }
    int ownerNext = gateway().owner(coming, key).module().number();
    return it.admit(coming.epoch(), ownerNow, ownerNext, gateway().lane(key))
        == ChangeWorker.PROCESS;
  }

  private void process(Packet packet, int underEpoch) {
    if (packet.flow.lost) {
      gateway().ledger().dropped(packet, "flow-lost");
      return;
    }
    gateway().clock().note(packet.number * 31 + id().module().encoded());
    boolean on = packet.atFirstKey() ? processFlow(packet) : processPath(packet);
    if (!on) {
      return;
    }
    packet.hops++;
    if (packet.hops == 2) {
      ToyIoShard port = packet.port();
      ModuleId io = port.id().module();
      boolean member =
          port.life().equals(now.of(io)) || next != null && port.life().equals(next.of(io));
      if (!member || wire(port.id()) == null) {
        gateway().ledger().lost(packet, "port-gone");
      } else {
        outbox.send(port.id(), epoch(), packet);
      }
      return;
    }
    int stamped = gateway().seams().epochOf(this, underEpoch);
    Members table = next != null && stamped == next.epoch() ? next : now;
    Life owner = gateway().owner(table, packet.key());
    ShardId to = owner.shardOf(gateway().lane(packet.key()));
    if (to.equals(id())) {
      receive(packet, stamped);
    } else {
      if (wire(to) == null) {
        throw new Violation("I2", this + " has no channel to " + to);
      }
      outbox.send(to, stamped, packet);
    }
  }

  private boolean processFlow(Packet packet) {
    Flow flow = packet.flow;
    Entry entry = content.find(flow.key);
    if (entry == null != !flow.open) {
      throw new Violation(
          "I1", this + (entry == null ? " lacks" : " still has") + " flow " + flow.id);
    }
    if (entry == null) {
      if (packet.kind != Packet.Kind.OPEN || packet.reply) {
        gateway().ledger().dropped(packet, "no-flow");
        return false;
      }
      entry = new Entry(flow.key, flow.id);
      entry.binding = gateway().nextBinding();
      flow.open = true;
      flow.binding = entry.binding;
      flow.entry.binding = entry.binding;
    }
    agree(packet, entry, flow.entry);
    boolean accepted = entry.accepts(packet);
    if (packet.kind == Packet.Kind.CLOSE && packet.reply) {
      content.remove(flow.key);
      flow.open = false;
    } else {
      content.put(entry);
    }
    if (!accepted) {
      gateway().ledger().dropped(packet, "policy");
    }
    return accepted;
  }

  private boolean processPath(Packet packet) {
    Flow flow = packet.flow;
    long key = flow.translatedKey();
    Entry record = content.find(key);
    if (record == null != !flow.pathOpen) {
      throw new Violation(
          "I5", this + (record == null ? " lacks" : " still has") + " the path of flow " + flow.id);
    }
    if (record == null) {
      if (packet.reply) {
        gateway().ledger().dropped(packet, "no-path");
        return false;
      }
      record = new Entry(key, flow.id);
      record.firstKey = flow.key;
      flow.pathOpen = true;
    }
    if (record.firstKey != flow.key) {
      throw new Violation("I5", "the path of flow " + flow.id + " leads elsewhere");
    }
    agree(packet, record, flow.path);
    if (packet.kind == Packet.Kind.CLOSE && packet.reply) {
      content.remove(key);
      flow.pathOpen = false;
    } else {
      content.put(record);
    }
    return true;
  }

  /** I1, I3, I6: what is here is what a gateway of one worker would have. */
  private void agree(Packet packet, Entry mine, Entry model) {
    if (!mine.same(model)) {
      throw new Violation("I6", packet + " at " + this + " meets " + mine + ", not " + model);
    }
    model.count(packet);
    packet.met.add(model);
    outbox.flushSoon();
    if (!mine.count(packet)) {
      throw new Violation("I3", packet + " came to " + this + " after a later one, " + mine);
    }
  }

  @Override
  public void send(ShardId to, ShardMessage message) {
    outbox.send(to, epoch(), message);
  }

  @Override
  public long lastNumber(ShardId to) {
    return super.lastNumber(to);
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
  public long replicate(KeyClass of, boolean active) {
    return outbox.record(epoch(), of, active);
  }

  @Override
  public void prepared(int epoch, boolean copied) {
    module().later(() -> module().machine().prepared(id().shard(), epoch, copied));
  }

  @Override
  public void done(int epoch) {
    module().later(() -> module().machine().done(id().shard(), epoch));
  }

  @Override
  public void missing(int epoch, ModuleId member) {
    module().later(() -> module().machine().missing(epoch, member));
  }
}
