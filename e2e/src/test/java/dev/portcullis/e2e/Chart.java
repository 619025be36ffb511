package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.marcnuri.helm.Helm;
import com.marcnuri.helm.TemplateCommand;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/** The chart in the repository, and what Helm makes of it without a cluster. */
final class Chart {

  static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
  static final Path FOLDER = ROOT.resolve("helm/portcullis");

  private Chart() {}

  static Helm helm() {
    return new Helm(FOLDER);
  }

  /** The rendered chart as it is installed by the README. */
  static TemplateCommand template() {
    return helm()
        .template()
        .withName("portcullis")
        .withNamespace("portcullis-system")
        .withKubeVersion("1.34.0");
  }

  /** The documents of a text, in their order. */
  static List<Map<String, Object>> documents(String yaml) {
    List<Map<String, Object>> all = new ArrayList<>();
    for (Object it : new Load(LoadSettings.builder().build()).loadAllFromString(yaml)) {
      if (it instanceof Map<?, ?> map) {
        @SuppressWarnings("unchecked")
        Map<String, Object> document = (Map<String, Object>) map;
        all.add(document);
      }
    }
    return all;
  }

  /**
   * Compares a file of the repository with what it is made of, or writes it anew with {@code
   * -Dportcullis.regenerate=true}.
   */
  static void compare(Path file, String expected) throws IOException {
    if (Boolean.getBoolean("portcullis.regenerate")) {
      Files.createDirectories(file.getParent());
      Files.writeString(file, expected);
    }
    assertEquals(
        expected,
        Files.exists(file) ? Files.readString(file) : "",
        () ->
            ROOT.relativize(file)
                + " is out of date; write it again with: mvn -pl e2e -am test -Dtest='Chart*Test'"
                + " -Dsurefire.failIfNoSpecifiedTests=false -Dportcullis.regenerate=true");
  }
}
