package dev.portcullis.core.link;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.function.Consumer;

/** Finds the address that a peer has now: a restarted one may have another under the same name. */
@FunctionalInterface
public interface PeerNames {

  /**
   * Returns the address of a host; may block.
   *
   * @throws UnknownHostException when it has none now
   */
  InetAddress find(String host) throws UnknownHostException;

  /**
   * Finds an address without blocking the caller, who gets it at once when {@code host} is one
   * already, otherwise on a thread that may block.
   *
   * @param found takes the address, unresolved when the host has none now
   */
  default void find(String host, int port, Consumer<InetSocketAddress> found) {
    InetAddress literal;
    try {
      literal = InetAddress.ofLiteral(host);
    } catch (IllegalArgumentException e) {
      Thread.ofVirtual().name("name-" + host).start(() -> found.accept(blocking(host, port)));
      return;
    }
    found.accept(new InetSocketAddress(literal, port));
  }

  private InetSocketAddress blocking(String host, int port) {
    try {
      return new InetSocketAddress(find(host), port);
    } catch (UnknownHostException e) {
      return InetSocketAddress.createUnresolved(host, port);
    }
  }
}
