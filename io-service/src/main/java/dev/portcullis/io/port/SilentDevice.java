package dev.portcullis.io.port;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Keeps the kernel from speaking on a device that belongs to a port: it does not do IPv6 on it, and
 * answers no ARP request that comes in by it. Where the port has the MAC address of the device, so
 * that the kernel takes what is for the port as its own, it does not forward what comes in by it
 * either. Where the kernel does not let us (a container whose {@code /proc/sys} is read-only), it
 * stays as it is. Closing it puts back what was there before.
 */
final class SilentDevice implements AutoCloseable {

  private static final Path SETTINGS = Path.of("/proc/sys/net");

  private final Map<Path, String> before = new LinkedHashMap<>();

  private SilentDevice() {}

  /**
   * Silences a device.
   *
   * @param shared whether the port has the MAC address of the device
   */
  static SilentDevice of(String device, boolean shared) {
    SilentDevice made = new SilentDevice();
    if (shared) {
      made.set(SETTINGS.resolve("ipv4/conf").resolve(device).resolve("forwarding"), "0");
    }
    made.set(SETTINGS.resolve("ipv6/conf").resolve(device).resolve("disable_ipv6"), "1");
    // arp_ignore 8: no answer for any local address
    made.set(SETTINGS.resolve("ipv4/conf").resolve(device).resolve("arp_ignore"), "8");
    return made;
  }

  private void set(Path setting, String value) {
    try {
      String was = Files.readString(setting).strip();
      if (!was.equals(value)) {
        Files.writeString(setting, value);
        before.put(setting, was);
      }
    } catch (IOException _) {
      // not ours to change
    }
  }

  @Override
  public void close() {
    before.forEach(
        (setting, was) -> {
          try {
            Files.writeString(setting, was);
          } catch (IOException _) {
            // the device may be gone
          }
        });
  }
}
