package dev.portcullis.core.management;

import dev.portcullis.core.distribution.Member;
import dev.portcullis.core.link.ModuleId;
import java.util.List;
import java.util.Map;

/**
 * How a module introduces itself.
 *
 * @param module who it is
 * @param generation its life; only grows
 * @param host where a worker takes links; empty for others
 * @param port where a worker takes links: 1 to 65535; 0 for others
 * @param shards lanes of a worker: 1 or more; 0 for others
 * @param portTags tag by name of the port, of an IO module; empty for others
 * @param epoch epoch of the directive that it has; 0: none
 * @param term term of the directive that it has; 0: none
 * @param workers members of the table that it has, by ascending number; empty: none
 */
public record ModuleHello(
    ModuleId module,
    long generation,
    String host,
    int port,
    int shards,
    Map<String, Integer> portTags,
    int epoch,
    long term,
    List<Member> workers) {

  /** Copies the collections. */
  public ModuleHello {
    portTags = Map.copyOf(portTags);
    workers = List.copyOf(workers);
  }

  /** Returns the hello of a worker that has no directive yet. */
  public static ModuleHello worker(int number, long generation, String host, int port, int shards) {
    return new ModuleHello(
        ModuleId.worker(number), generation, host, port, shards, Map.of(), 0, 0, List.of());
  }

  /** Returns the hello of an IO module that has no directive yet. */
  public static ModuleHello io(int number, long generation, Map<String, Integer> portTags) {
    return new ModuleHello(ModuleId.io(number), generation, "", 0, 0, portTags, 0, 0, List.of());
  }

  /** Returns this hello with the directive that the module has now. */
  public ModuleHello holding(int epoch, long term, List<Member> workers) {
    return new ModuleHello(module, generation, host, port, shards, portTags, epoch, term, workers);
  }
}
