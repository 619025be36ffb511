package dev.portcullis.standalone.bench;

/** Tells whether the machine gives its cores to us at the moment. */
@FunctionalInterface
interface Gate {

  /** Returns whether a window that begins or ends now counts. Takes about 0.1 s. */
  boolean quiet() throws InterruptedException;
}
