package dev.portcullis.operator.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.portcullis.core.policy.GatewayStatus;
import java.util.List;
import org.junit.jupiter.api.Test;

class SwitchPagesTest {

  private static final ObjectMapper JSON = new ObjectMapper();

  @Test
  void shouldReadWhatASwitchSays() throws Exception {
    SwitchPages.Reading it =
        SwitchPages.reading(
            JSON.readTree(
                "{\"epoch\":7,\"workers\":[0,1,4],\"settled\":false,\"attached\":[\"io-0\"],"
                    + "\"late\":[\"io-0\"],\"joining\":[],\"missing\":[]}"),
            JSON.readTree(
                "{\"scale_events\":[{\"epoch\":6},{\"time\":\"t\",\"epoch\":7,\"from\":2,\"to\":3,"
                    + "\"result\":\"done\",\"flows_moved\":9,\"flows_broken\":1,\"packets_held\":4,"
                    + "\"blocked_ms\":0.5,\"duration_ms\":12.5}]}"));
    assertEquals(7, it.epoch());
    assertEquals(3, it.workers());
    assertEquals(List.of("io-0"), it.late());
    assertEquals(new GatewayStatus.Scale("t", 7, 2, 3, "done", 9, 1, 4, 0.5, 12.5), it.lastScale());
  }

  @Test
  void shouldNotTakeASwitchForTheOneThatDecidesThatModulesHaveLeft() throws Exception {
    String page = "{\"epoch\":%d,\"workers\":[0],\"attached\":%s,\"late\":[]}";
    assertFalse(SwitchPages.decides(JSON.readTree(page.formatted(7, "[]"))));
    assertFalse(SwitchPages.decides(JSON.readTree(page.formatted(0, "[\"worker/0\"]"))));
    assertTrue(SwitchPages.decides(JSON.readTree(page.formatted(1, "[\"worker/0\"]"))));
  }

  @Test
  void shouldReadASwitchThatHasNotChangedItsTable() throws Exception {
    assertNull(
        SwitchPages.reading(
                JSON.readTree("{\"epoch\":1,\"workers\":[0],\"late\":[]}"),
                JSON.readTree("{\"scale_events\":[]}"))
            .lastScale());
  }
}
