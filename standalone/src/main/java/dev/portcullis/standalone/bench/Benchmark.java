package dev.portcullis.standalone.bench;

import java.io.IOException;

/** One ratio: knows its title and how to set up what it measures. */
interface Benchmark {

  /** What its line is called. */
  Title title();

  /**
   * Starts everything that the windows need, warm enough to be measured.
   *
   * @throws UnavailableException when a tool or a privilege is missing; nothing was started then
   * @throws IOException when something did not start; nothing is left running then
   */
  Rig open() throws IOException, InterruptedException;
}
