package dev.portcullis.worker.stage;

/** A step of the pipeline. Thread: one shard. */
public interface Stage {

  /** Works on the packets {@link Vector#from} to {@link Vector#to} that are still on their way. */
  void process(Vector v);
}
