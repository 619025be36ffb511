package dev.portcullis.core.process;

/** Exit codes of every program of Portcullis. */
public final class ExitCode {

  /** The program did what was asked. */
  public static final int DONE = 0;

  /** The input or the configuration is at fault. */
  public static final int INPUT = 1;

  /** The command line is at fault. */
  public static final int USAGE = 2;

  /** The gateway failed: a port is taken, a disk is full, a module died. */
  public static final int FAILED = 3;

  private ExitCode() {}
}
