package dev.portcullis.standalone.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Iterator;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;

class WarmUpTest {

  @Test
  void shouldGoOnWhileItGetsFaster() throws Exception {
    Iterator<Double> rates =
        DoubleStream.concat(DoubleStream.of(1, 2, 3, 4, 5, 6, 7, 8), DoubleStream.generate(() -> 8))
            .iterator();
    assertEquals(13, WarmUp.run(rates::next));
  }

  @Test
  void shouldRunSixWindowsAtLeast() throws Exception {
    assertEquals(6, WarmUp.run(() -> 5));
  }

  @Test
  void shouldEndWhereItNeverGetsSteady() throws Exception {
    double[] rate = {1};
    assertEquals(40, WarmUp.run(() -> rate[0] *= 1.1));
  }
}
