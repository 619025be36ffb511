package dev.portcullis.core.link;

import io.grpc.Metadata;
import java.util.Map;
import java.util.TreeMap;

/**
 * Who speaks on a stream: in the metadata of the call for the side that opens it, in the response
 * headers for the other.
 *
 * @param module kind and number
 * @param lane lane of the speaker
 * @param peerLane lane of the other side that is meant
 * @param generation life of the speaker
 */
record Hello(ModuleId module, int lane, int peerLane, long generation) {

  /** The version of the protocol: a peer that speaks another is refused. */
  static final int VERSION = 1;

  static final Metadata.Key<String> VERSION_KEY = key("portcullis-version");
  static final Metadata.Key<String> MODULE_KEY = key("portcullis-module");
  static final Metadata.Key<String> LANE_KEY = key("portcullis-lane");
  static final Metadata.Key<String> PEER_LANE_KEY = key("portcullis-peer-lane");
  static final Metadata.Key<String> GENERATION_KEY = key("portcullis-generation");
  static final Metadata.Key<String> PORTS_KEY = key("portcullis-ports");

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  Metadata toMetadata(Map<String, Integer> ports) {
    Metadata metadata = new Metadata();
    metadata.put(VERSION_KEY, Integer.toString(VERSION));
    metadata.put(MODULE_KEY, module.toString());
    metadata.put(LANE_KEY, Integer.toString(lane));
    metadata.put(PEER_LANE_KEY, Integer.toString(peerLane));
    metadata.put(GENERATION_KEY, Long.toString(generation));
    if (!ports.isEmpty()) {
      StringBuilder text = new StringBuilder();
      new TreeMap<>(ports)
          .forEach(
              (name, tag) ->
                  text.append(text.isEmpty() ? "" : ",").append(name).append('=').append(tag));
      metadata.put(PORTS_KEY, text.toString());
    }
    return metadata;
  }

  /**
   * Reads who speaks.
   *
   * @throws RefusedException that says what is missing, unknown or too new
   */
  static Hello of(Metadata metadata) {
    int version = number(metadata, VERSION_KEY, 1 << 20);
    if (version != VERSION) {
      throw LinkFault.VERSION.refusal(
          "protocol version " + version + " is not spoken here, " + VERSION + " is");
    }
    String module = text(metadata, MODULE_KEY);
    int slash = module.indexOf('/');
    ModuleId id = null;
    for (ModuleId.Kind kind : ModuleId.Kind.values()) {
      if (slash > 0 && kind.label().equals(module.substring(0, slash))) {
        id = new ModuleId(kind, parse(MODULE_KEY, module.substring(slash + 1), (1 << 24) - 1));
      }
    }
    if (id == null) {
      throw bad(LinkFault.UNKNOWN, MODULE_KEY, module, "io/N, worker/N, switch/N or feed/N");
    }
    String generation = text(metadata, GENERATION_KEY);
    long life;
    try {
      life = Long.parseLong(generation);
    } catch (NumberFormatException e) {
      life = 0;
    }
    if (life <= 0) {
      throw bad(LinkFault.MALFORMED, GENERATION_KEY, generation, "a number from 1");
    }
    return new Hello(
        id, number(metadata, LANE_KEY, 255), number(metadata, PEER_LANE_KEY, 255), life);
  }

  private static int number(Metadata metadata, Metadata.Key<String> key, int most) {
    return parse(key, text(metadata, key), most);
  }

  private static int parse(Metadata.Key<String> key, String text, int most) {
    try {
      int value = Integer.parseInt(text);
      if (value >= 0 && value <= most) {
        return value;
      }
    } catch (NumberFormatException e) {
      // said below
    }
    throw bad(LinkFault.MALFORMED, key, text, "a number from 0 to " + most);
  }

  private static String text(Metadata metadata, Metadata.Key<String> key) {
    String text = metadata.get(key);
    if (text == null) {
      throw LinkFault.MALFORMED.refusal("the metadata lacks " + key.name());
    }
    return text;
  }

  private static RefusedException bad(
      LinkFault fault, Metadata.Key<String> key, String text, String allowed) {
    String shown = text.length() > 40 ? text.substring(0, 40) + "..." : text;
    return fault.refusal(key.name() + " is \"" + shown + "\"; allowed is " + allowed);
  }
}
