package dev.portcullis.standalone.bench;

/** What a child process of the benchmark does between the questions of its parent. */
interface Role extends AutoCloseable {

  /**
   * Answers one question.
   *
   * @return one line
   */
  String answer(String question) throws Exception;

  @Override
  void close();
}
