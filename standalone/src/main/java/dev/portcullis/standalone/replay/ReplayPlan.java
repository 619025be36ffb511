package dev.portcullis.standalone.replay;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What to replay, and how.
 *
 * @param captures the files, in order
 * @param out folder for the results; made if it is not there
 * @param clientPort port of the side that sends first; null: the first port of the gateway
 * @param serverPort port of the other side; null: the second port of the gateway
 * @param paths whether {@code paths.jsonl} is written
 * @param speed 0: as fast as the gateway takes it; otherwise recorded time passes {@code speed}
 *     times as fast
 * @param frames how many frames are played
 * @param witness sees what becomes of each
 * @param incidents what befalls the workers, by ascending packet
 */
public record ReplayPlan(
    List<Path> captures,
    Path out,
    @Nullable String clientPort,
    @Nullable String serverPort,
    boolean paths,
    double speed,
    long frames,
    Witness witness,
    List<Incident> incidents) {

  /** A plan for all frames that nobody watches. */
  public ReplayPlan(
      List<Path> captures,
      Path out,
      @Nullable String clientPort,
      @Nullable String serverPort,
      boolean paths,
      double speed) {
    this(
        captures,
        out,
        clientPort,
        serverPort,
        paths,
        speed,
        Long.MAX_VALUE,
        Witness.NONE,
        List.of());
  }

  /** Returns the same plan with what befalls the workers. */
  public ReplayPlan with(List<Incident> incidents) {
    return new ReplayPlan(
        captures, out, clientPort, serverPort, paths, speed, frames, witness, incidents);
  }

  /** Copies the lists. */
  public ReplayPlan {
    incidents = List.copyOf(incidents);
    captures = List.copyOf(captures);
  }
}
