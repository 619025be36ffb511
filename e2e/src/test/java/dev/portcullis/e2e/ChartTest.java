package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.marcnuri.helm.LintResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What Helm makes of the chart; needs no cluster. */
class ChartTest {

  private static final Path CASES = Path.of("src/test/resources/chart").toAbsolutePath();

  @Test
  void shouldPassTheStrictChecksOfHelm() {
    LintResult result = Chart.helm().lint().strict().call();
    assertFalse(result.isFailed(), () -> String.join("\n", result.getMessages()));
  }

  @Test
  void shouldHaveASchemaMadeOfTheCommentsOfItsValues() throws IOException {
    Chart.compare(
        Chart.FOLDER.resolve("values.schema.json"),
        new ChartValues(Chart.FOLDER.resolve("values.yaml")).toSchema());
  }

  @Test
  void shouldHaveAReferenceMadeOfTheCommentsOfItsValues() throws IOException {
    Chart.compare(
        Chart.ROOT.resolve("docs/reference/values.md"),
        new ChartValues(Chart.FOLDER.resolve("values.yaml")).toPage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"default", "namespaced", "observed", "gateway", "cert-manager", "istio"})
  void shouldRenderAsBefore(String name) throws IOException {
    String rendered = Chart.template().withValuesFile(CASES.resolve(name + ".values.yaml")).call();
    // definitions are files of their own
    String without =
        rendered.replaceAll(
            "(?s)---\n# Source: portcullis/templates/crds.yaml\n.*?(?=\n---\n|$)\n?", "");
    Chart.compare(CASES.resolve(name + ".rendered.yaml"), without);
  }

  @Test
  void shouldBringTheDefinitionsUnlessAnotherReleaseHasThem() {
    assertEquals(2, definitions(Chart.template().call()).size());
    assertEquals(0, definitions(Chart.template().set("crds.install", "false").call()).size());
    assertTrue(
        definitions(Chart.template().set("crds.keep", "true").call()).stream()
            .allMatch(it -> it.toString().contains("helm.sh/resource-policy=keep")));
  }

  private static List<Map<String, Object>> definitions(String rendered) {
    return Chart.documents(rendered).stream()
        .filter(it -> "CustomResourceDefinition".equals(it.get("kind")))
        .toList();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "operator.replica           | 2        | replica",
        "image.pullPolicy           | Sometimes| pullPolicy",
        "operator.replicas          | many     | replicas",
        "networkPolicy.enabled      | perhaps  | enabled",
        "certificates.from          | letters  | from",
        "mesh                       | consul   | mesh",
        "gatway.enabled             | true     | gatway",
        "metrics.podMonitor.labels  | text     | labels",
      })
  void shouldRefuseValuesThatItDoesNotHave(String path, String value, String named) {
    RuntimeException refusal =
        assertThrows(
            RuntimeException.class, () -> Chart.template().set(path.strip(), value.strip()).call());
    assertTrue(
        refusal.getMessage().contains("values don't meet the specifications")
            && refusal.getMessage().contains(named.strip()),
        refusal.getMessage());
  }

  @Test
  void shouldAskForTheIssuerThatCertManagerIsToUse() {
    RuntimeException refusal =
        assertThrows(
            RuntimeException.class,
            () -> Chart.template().set("certificates.from", "cert-manager").call());
    assertTrue(refusal.getMessage().contains("name the cert-manager issuer"), refusal.getMessage());
  }

  /** A release that sets the number of workers would take it back with every upgrade. */
  @Test
  void shouldNotSayHowManyWorkersThereAreUnlessTold() throws IOException {
    String gateway = Files.readString(CASES.resolve("gateway.rendered.yaml"));
    List<Map<String, Object>> made =
        Chart.documents(gateway).stream()
            .filter(it -> "PacketGateway".equals(it.get("kind")))
            .toList();
    assertEquals(1, made.size());
    assertFalse(made.get(0).toString().contains("replicas"), made.toString());
  }

  @Test
  void shouldLetTheOperatorRunUnderTheRestrictedStandardForPods() throws IOException {
    Map<String, Object> deployment =
        Chart.documents(Chart.template().call()).stream()
            .filter(it -> "Deployment".equals(it.get("kind")))
            .findFirst()
            .orElseThrow();
    String text = deployment.toString();
    for (String needed :
        List.of(
            "runAsNonRoot=true",
            "allowPrivilegeEscalation=false",
            "readOnlyRootFilesystem=true",
            "drop=[ALL]",
            "seccompProfile={type=RuntimeDefault}")) {
      assertTrue(text.contains(needed), needed);
    }
  }
}
