package dev.portcullis.e2e;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/**
 * Open vSwitch as the peer of a GENEVE tunnel: in user space, without a module of the kernel, in a
 * namespace and a folder of its own.
 */
final class OpenVSwitch {

  private static final int START_SECONDS = 60;

  private final Netns netns;
  private final String host;
  private final Path folder;

  private OpenVSwitch(Netns netns, String host, Path folder) {
    this.netns = netns;
    this.host = host;
    this.folder = folder;
  }

  /**
   * Connects a host to a virtual network.
   *
   * @param carrier first three bytes of the addresses of the network between: the host is 2, the
   *     gateway is 1
   * @param device name of the device that the host gets in the virtual network
   */
  static void connect(Netns netns, String host, Path under, String carrier, int vni, String device)
      throws Exception {
    Path folder = Files.createDirectories(Files.createTempDirectory(under, "ovs"));
    OpenVSwitch it = new OpenVSwitch(netns, host, folder);
    it.start();
    it.bridge("br-out", "eth0", "type=system");
    netns.ip(host, "addr add " + carrier + ".2/24 dev br-out");
    netns.ip(host, "link set eth0 up");
    it.bridge(
        device, "gnv0", "type=geneve", "options:remote_ip=" + carrier + ".1", "options:key=" + vni);
    netns.ip(host, "link set " + device + " mtu 1450");
    // nobody computes what the device leaves out
    netns.run(host, "ethtool", "-K", device, "tx", "off", "tso", "off", "gso", "off");
    netns.run(host, "ethtool", "-K", "br-out", "tx", "off", "tso", "off", "gso", "off");
  }

  private void start() throws Exception {
    String database = folder.resolve("conf.db").toString();
    run("ovsdb-tool", "create", database, "/usr/share/openvswitch/vswitch.ovsschema");
    start("ovsdb-server", "--remote=punix:" + folder.resolve("db.sock"), database);
    await("db.sock");
    vsctl("--no-wait", "init");
    start("ovs-vswitchd", "unix:" + folder.resolve("db.sock"));
  }

  /** Makes a bridge with its own device and one more port. */
  private void bridge(String name, String port, String... options) throws Exception {
    vsctl("add-br", name, "--", "set", "bridge", name, "datapath_type=netdev");
    vsctl("add-port", name, port);
    vsctl(concat(new String[] {"set", "interface", port}, options));
    netns.ip(host, "link set " + name + " up");
  }

  private void vsctl(String... command) throws Exception {
    run(
        concat(
            new String[] {"ovs-vsctl", "--timeout=30", "--db=unix:" + folder.resolve("db.sock")},
            command));
  }

  private void run(String... command) throws Exception {
    netns.run(host, environment(command));
  }

  private void start(String program, String... arguments) throws Exception {
    String control = "--unixctl=" + folder.resolve(program + ".ctl");
    String[] command = concat(new String[] {program, control}, arguments);
    netns.start(host, folder.resolve(program + ".log"), environment(command));
  }

  private String[] environment(String... command) {
    return concat(new String[] {"env", "OVS_RUNDIR=" + folder, "OVS_LOGDIR=" + folder}, command);
  }

  private void await(String file) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    while (!Files.exists(folder.resolve(file))) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError(Files.readString(folder.resolve("ovsdb-server.log")));
      }
      Thread.sleep(50);
    }
  }

  private static String[] concat(String[] first, String... second) {
    String[] all = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, all, first.length, second.length);
    return all;
  }
}
