package dev.portcullis.standalone.bench;

import dev.portcullis.core.link.LinkLoops;
import dev.portcullis.core.link.LinkObserver;
import dev.portcullis.core.link.LinkSecurity;
import dev.portcullis.core.link.LinkSettings;
import dev.portcullis.core.link.ModuleId;
import dev.portcullis.core.link.ModuleLinks;
import dev.portcullis.core.link.SwitchRelay;
import java.io.IOException;
import java.util.List;

/** Role {@code hop-relay}: a switch between a sender and a receiver. */
final class HopRelay implements Role {

  private static final ModuleId SELF = new ModuleId(ModuleId.Kind.SWITCH, 0);

  private final LinkLoops loops = LinkLoops.start(1, "hop-relay");
  private final SwitchRelay relay;

  HopRelay(LinkSecurity security) {
    relay =
        new SwitchRelay(
            SELF, 1, loops.next(), LinkSettings.defaults(), security, LinkObserver.NONE);
  }

  /** From now on a module reaches another over the relay at an address. */
  static void through(ModuleLinks links, ModuleId destination, String host, int port) {
    links.connect(SELF, 0, 0, host, port);
    links.route(destination, List.of(SELF));
  }

  @Override
  public String answer(String question) throws IOException {
    String[] word = question.split(" ");
    if (!word[0].equals("listen")) {
      throw new IllegalArgumentException("unknown question: " + question);
    }
    return word[1] + " " + relay.listen(word[1], Integer.parseInt(word[2]), List.of()).getPort();
  }

  @Override
  public void close() {
    relay.close();
    loops.close();
  }
}
