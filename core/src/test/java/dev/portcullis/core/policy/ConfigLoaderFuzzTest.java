package dev.portcullis.core.policy;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;

/** Whatever a file says, the loader gives a configuration or faults, one line each. */
class ConfigLoaderFuzzTest {

  @FuzzTest(maxDuration = "60m")
  void shouldAnswerWithAConfigurationOrFaults(FuzzedDataProvider data) {
    ConfigLoader.Result result = ConfigLoader.parse("fuzz.yaml", data.consumeRemainingAsString());
    assertTrue(result.config() != null == result.faults().isEmpty());
    for (Fault fault : result.faults()) {
      assertTrue(fault.toString().lines().count() == 1, fault::toString);
    }
  }
}
