package dev.portcullis.core.management;

import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.elastic.Life;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.management.proto.Acknowledgement;
import dev.portcullis.core.management.proto.Hello;
import dev.portcullis.core.management.proto.Joining;
import dev.portcullis.core.management.proto.Leave;
import dev.portcullis.core.management.proto.Linked;
import dev.portcullis.core.management.proto.ModuleReport;
import dev.portcullis.core.management.proto.Port;
import dev.portcullis.core.management.proto.Worker;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Records of this package to and from their messages in {@code management.proto}. */
public final class ManagementWire {

  /** Version of the protocol that this side speaks. */
  public static final int VERSION = 1;

  private ManagementWire() {}

  /** Returns the report that carries a hello. */
  public static ModuleReport encode(ModuleHello it) {
    Hello.Builder hello =
        Hello.newBuilder()
            .setProtocolVersion(VERSION)
            .setKind(it.module().kind().code())
            .setNumber(it.module().number())
            .setGeneration(it.generation())
            .setHost(it.host())
            .setPort(it.port())
            .setShards(it.shards())
            .setEpoch(it.epoch())
            .setTerm(it.term());
    it.portTags().entrySet().stream()
        .sorted(Map.Entry.comparingByValue())
        .forEach(
            port ->
                hello.addPorts(Port.newBuilder().setName(port.getKey()).setTag(port.getValue())));
    it.workers().forEach(worker -> hello.addWorkers(encode(worker)));
    return ModuleReport.newBuilder().setHello(hello).build();
  }

  /** Returns the report of a worker that is about to end. */
  public static ModuleReport leave() {
    return ModuleReport.newBuilder().setLeave(Leave.getDefaultInstance()).build();
  }

  /** Returns the report of an IO module that all its links to these workers are up. */
  public static ModuleReport linked(List<Life> workers) {
    Linked.Builder linked = Linked.newBuilder();
    workers.forEach(it -> linked.addWorkers(ChangeWire.encode(it)));
    return ModuleReport.newBuilder().setLinked(linked).build();
  }

  /**
   * Reads what an IO module has links to.
   *
   * @throws IllegalArgumentException for a module that cannot be
   */
  public static List<Life> decode(Linked it) {
    return it.getWorkersList().stream().map(ChangeWire::life).toList();
  }

  /** Returns the message that tells of workers without a place in the table. */
  public static dev.portcullis.core.management.proto.Directive joining(List<Member> workers) {
    Joining.Builder joining = Joining.newBuilder();
    workers.forEach(it -> joining.addWorkers(encode(it)));
    return dev.portcullis.core.management.proto.Directive.newBuilder().setJoining(joining).build();
  }

  /** Reads which workers have no place in the table. */
  static List<Member> decode(Joining it) {
    return it.getWorkersList().stream().map(ManagementWire::decode).toList();
  }

  /** Returns the report that acknowledges an epoch. */
  public static ModuleReport acknowledgement(int epoch) {
    return ModuleReport.newBuilder()
        .setAcknowledgement(Acknowledgement.newBuilder().setEpoch(epoch))
        .build();
  }

  /**
   * Reads a hello.
   *
   * @throws IllegalArgumentException for a kind that does not exist or a number out of range; the
   *     message is for people
   */
  public static ModuleHello decode(Hello it) {
    ModuleId module = module(it.getKind(), it.getNumber());
    Map<String, Integer> tags = new HashMap<>();
    for (Port port : it.getPortsList()) {
      if (tags.put(port.getName(), port.getTag()) != null) {
        throw new IllegalArgumentException("the hello lists port " + port.getName() + " twice");
      }
    }
    return new ModuleHello(
        module,
        it.getGeneration(),
        it.getHost(),
        it.getPort(),
        it.getShards(),
        tags,
        it.getEpoch(),
        it.getTerm(),
        it.getWorkersList().stream().map(ManagementWire::decode).toList());
  }

  /**
   * Returns the module of a kind with a number.
   *
   * @throws IllegalArgumentException where there can be none
   */
  static ModuleId module(int kind, int number) {
    if (number < 0 || number >= 1 << 24 || kind < 0 || kind > 255) {
      throw new IllegalArgumentException(
          "no module has kind "
              + Integer.toUnsignedString(kind)
              + " and number "
              + Integer.toUnsignedString(number));
    }
    return ModuleId.decode(kind << 24 | number);
  }

  /** Returns the message of a worker of a table. */
  static Worker encode(Member it) {
    return Worker.newBuilder()
        .setNumber(it.number())
        .setGeneration(it.generation())
        .setHost(it.host())
        .setPort(it.port())
        .setShards(it.shards())
        .build();
  }

  /** Reads a worker of a table. */
  static Member decode(Worker it) {
    return new Member(
        it.getNumber(), it.getGeneration(), it.getHost(), it.getPort(), it.getShards());
  }

  /** Returns the message of a directive. */
  public static dev.portcullis.core.management.proto.Directive encode(Directive it) {
    dev.portcullis.core.management.proto.Directive.Builder message =
        dev.portcullis.core.management.proto.Directive.newBuilder()
            .setEpoch(it.epoch())
            .setPreviousEpoch(it.previousEpoch())
            .setTerm(it.term())
            .setPolicyYaml(it.policyYaml())
            .setPolicyDigest(it.policyDigest());
    it.workers().forEach(worker -> message.addWorkers(encode(worker)));
    return message.build();
  }

  /**
   * Reads a directive.
   *
   * @throws IllegalArgumentException for a worker out of range or a digest that is not that of the
   *     policy
   */
  public static Directive decode(dev.portcullis.core.management.proto.Directive it) {
    List<Member> workers = it.getWorkersList().stream().map(ManagementWire::decode).toList();
    if (!it.getPolicyDigest().equals(Directive.digest(it.getPolicyYaml()))) {
      throw new IllegalArgumentException("the digest of the directive is not that of its policy");
    }
    return new Directive(
        it.getEpoch(),
        it.getPreviousEpoch(),
        it.getTerm(),
        workers,
        it.getPolicyYaml(),
        it.getPolicyDigest());
  }
}
