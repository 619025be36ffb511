package dev.portcullis.e2e;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * The daemons of Debian as a host runs them, on both families: nginx at 80, sshd at 22, vsftpd at
 * 21, dnsmasq at 53, iperf3 at 5201. They serve one folder, and whoever has {@link #sshKey} logs
 * in.
 */
final class HostServices {

  /** What a test needs that uses them. */
  static final String[] PROGRAMS = {
    "nginx", "sshd", "ssh", "ssh-keygen", "vsftpd", "dnsmasq", "dig", "iperf3", "curl", "ss"
  };

  /** Names that the DNS server knows. */
  static final String NAME = "known.portcullis.test";

  static final String NAME_V4 = "192.0.2.80";
  static final String NAME_V6 = "2001:db8::80";

  private static final int START_SECONDS = 300;
  private static final List<String> LISTENING = List.of(":80", ":22", ":21", ":53", ":5201");

  private final Netns netns;
  private final Path folder;
  private final Path sshKey;

  /**
   * Prepares what all hosts have in common; nothing runs yet.
   *
   * @param folder where keys, configurations and logs go; the files that are served are in {@code
   *     files} in it
   */
  HostServices(Netns netns, Path folder) throws Exception {
    this.netns = netns;
    this.folder = folder;
    // the daemons read as users of their own
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.createDirectories(Path.of("/run/sshd"));
    Files.createDirectories(Path.of("/run/vsftpd/empty"));
    sshKey = folder.resolve("ssh-key");
    if (!Files.exists(sshKey)) {
      keyGen(sshKey);
      keyGen(folder.resolve("ssh-host-key"));
    }
  }

  private static void keyGen(Path file) throws Exception {
    Process made =
        new ProcessBuilder("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file.toString())
            .start();
    assertTrue(made.waitFor(60, TimeUnit.SECONDS) && made.exitValue() == 0, "ssh-keygen");
  }

  /** The command line that logs in at a host, with the key, without questions. */
  List<String> ssh(String address) {
    return List.of(
        ("ssh -tt -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -i "
                + sshKey
                + " root@"
                + address)
            .split(" "));
  }

  /** Runs all of them at a host and waits until they listen. */
  void run(String host) throws Exception {
    start(host, "nginx", "/usr/sbin/nginx", "-e", "stderr", "-c", nginx(host));
    start(host, "sshd", "/usr/sbin/sshd", "-D", "-e", "-f", sshd(host));
    start(host, "vsftpd", "/usr/sbin/vsftpd", vsftpd(host));
    start(host, "dnsmasq", "/usr/sbin/dnsmasq", "--keep-in-foreground", "-C", dnsmasq(host));
    start(host, "iperf3", "iperf3", "-s", "--forceflush");
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    List<String> missing = missing(host);
    while (!missing.isEmpty()) {
      assertTrue(System.nanoTime() < deadline, "nobody listens at " + missing + logs(host));
      Thread.sleep(100);
      missing = missing(host);
    }
  }

  /**
   * Measures with iperf3 and returns its report; the server listens again afterwards.
   *
   * @param from host of the client
   * @param host host of the server
   * @param to an address of the server
   * @param how further options
   */
  String iperf3(String from, String host, String to, String... how) throws Exception {
    long before = listenedAgain(host);
    List<String> command = new ArrayList<>(List.of("iperf3", "--json", "-c", to));
    command.addAll(List.of(how));
    String report = netns.run(from, command.toArray(String[]::new));
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    while (listenedAgain(host) == before) {
      assertTrue(System.nanoTime() < deadline, "iperf3 does not listen again" + logs(host));
      Thread.sleep(20);
    }
    return report;
  }

  private long listenedAgain(String host) throws IOException {
    try (Stream<String> lines = Files.lines(log(host, "iperf3"))) {
      return lines.filter(it -> it.startsWith("Server listening on")).count();
    }
  }

  private void start(String host, String name, String... command) throws IOException {
    netns.start(host, log(host, name), command);
  }

  private Path log(String host, String name) {
    return folder.resolve(name + "-" + host + ".log");
  }

  private List<String> missing(String host) throws Exception {
    String sockets = netns.run(host, "ss", "-Hlntu");
    return LISTENING.stream().filter(it -> !sockets.contains(it + " ")).toList();
  }

  private String logs(String host) throws IOException {
    List<String> logs = new ArrayList<>();
    for (String name : List.of("nginx", "sshd", "vsftpd", "dnsmasq", "iperf3")) {
      logs.add(name + ": " + Files.readString(log(host, name)));
    }
    return "\n" + String.join("\n", logs);
  }

  private String write(String host, String name, String text) throws IOException {
    return Files.writeString(
            folder.resolve(name + "-" + host + ".conf"),
            text.replace("FOLDER", folder.toString()).replace("HOST", host))
        .toString();
  }

  private String nginx(String host) throws IOException {
    return write(
        host,
        "nginx",
        """
        daemon off;
        user root;
        worker_processes 1;
        pid FOLDER/nginx-HOST.pid;
        events { worker_connections 4096; }
        http {
          access_log off;
          server {
            listen 80 backlog=2048;
            listen [::]:80 backlog=2048;
            root FOLDER/files;
            location = /who { return 200 "$remote_addr\\n"; }
          }
        }
        """);
  }

  private String sshd(String host) throws IOException {
    return write(
        host,
        "sshd",
        """
        HostKey FOLDER/ssh-host-key
        PidFile FOLDER/sshd-HOST.pid
        AuthorizedKeysFile FOLDER/ssh-key.pub
        PermitRootLogin prohibit-password
        StrictModes no
        UsePAM no
        """);
  }

  private String vsftpd(String host) throws IOException {
    return write(
        host,
        "vsftpd",
        """
        listen_ipv6=YES
        background=NO
        anonymous_enable=YES
        no_anon_password=YES
        anon_root=FOLDER/files
        connect_from_port_20=YES
        secure_chroot_dir=/run/vsftpd/empty
        seccomp_sandbox=NO
        xferlog_enable=NO
        """);
  }

  private String dnsmasq(String host) throws IOException {
    return write(
        host,
        "dnsmasq",
        """
        user=root
        pid-file=FOLDER/dnsmasq-HOST.pid
        no-resolv
        no-hosts
        host-record=NAME,V4,V6
        edns-packet-max=4096
        TEXT
        """
            .replace("NAME", NAME)
            .replace("V4", NAME_V4)
            .replace("V6", NAME_V6)
            .replace("TEXT", texts()));
  }

  /** Text records of 4,000 bytes: more than fits a datagram without EDNS, or a frame. */
  private static String texts() {
    StringBuilder texts = new StringBuilder();
    for (int i = 0; i < 16; i++) {
      texts.append("txt-record=").append(NAME).append(',').append(i).append('-');
      texts.append("x".repeat(240)).append('\n');
    }
    return texts.toString();
  }
}
