package dev.portcullis.core.process;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class NoticesTest {

  private final List<String> said = new ArrayList<>();
  private long nowNs;
  private final Notices notices = new Notices(said::add, () -> nowNs);

  @Test
  void shouldSayTheFirstSentenceOfATopicAtOnce() {
    notices.say("version", "a");
    notices.say("silent", "b");
    assertEquals(List.of("a", "b"), said);
  }

  @Test
  void shouldSayHowManyItLeftOutWhenItSpeaksAgain() {
    for (int i = 0; i < 5; i++) {
      notices.say("version", "sentence " + i);
    }
    nowNs = Notices.PAUSE_NS;
    notices.say("version", "sentence 5");
    assertEquals(List.of("sentence 0", "sentence 5 (and 4 more like it)"), said);
  }
}
