package dev.portcullis.operator.dependent;

import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import java.util.List;

/** The switches. */
final class SwitchStatefulSet implements GatewayDependent<StatefulSet> {

  @Override
  public List<StatefulSet> desired(Wanted wanted) {
    PodTemplate template =
        new PodTemplate(wanted, "switch", "switch")
            .setting("NUMBER", "$(POD_INDEX)")
            .setting("LISTEN", "0.0.0.0:" + Names.SWITCH_PORT);
    return List.of(
        PodSet.of(
            wanted,
            "switch",
            "switch",
            Names.SWITCHES,
            template.build(wanted.settings().images().switchModule(), Names.SWITCH_PORT, "512Mi")));
  }
}
