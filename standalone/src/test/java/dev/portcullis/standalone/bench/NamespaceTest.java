package dev.portcullis.standalone.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class NamespaceTest {

  @Test
  void shouldRemoveOnlyNamespacesOfProcessesThatAreGone() {
    long alive = ProcessHandle.current().pid();
    String list =
        """
        pcb-%d-1
        pcb-99999999-1 (id: 4)
        pcb-99999998-2-router (id: 0)
        pcb-gen
        cni-1234
        """
            .formatted(alive);
    assertEquals(List.of("pcb-99999999-1", "pcb-99999998-2-router"), Namespace.orphans(list));
  }

  @Test
  void shouldNeverUseANameTwice() {
    assertNotEquals(Namespace.uniqueName(), Namespace.uniqueName());
  }
}
