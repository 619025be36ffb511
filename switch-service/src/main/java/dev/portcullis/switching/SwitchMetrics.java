package dev.portcullis.switching;

import dev.portcullis.core.process.Meters;
import io.micrometer.core.instrument.MeterRegistry;
import jakarta.enterprise.inject.Disposes;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;

/** The numbers that the process shows. */
final class SwitchMetrics {

  @Produces
  @Singleton
  Meters meters(MeterRegistry registry) {
    return new Meters(registry);
  }

  void close(@Disposes Meters meters) {
    meters.close();
  }
}
