package dev.portcullis.standalone.bench;

import dev.portcullis.core.link.LinkSecurity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Certificates of the modules of a benchmark: one of each kind, signed by itself and trusted by the
 * others.
 *
 * @param folder where they are
 */
record Certificates(Path folder) {

  private static final List<String> KINDS = List.of("io", "worker", "switch");

  /** Makes them by openssl; {@code cleanup} deletes them. */
  static Certificates make(Cleanup cleanup) throws IOException, InterruptedException {
    Certificates made = new Certificates(Files.createTempDirectory("portcullis-bench-tls"));
    cleanup.add(made::delete);
    StringBuilder trusted = new StringBuilder();
    for (String kind : KINDS) {
      Command.run(
          List.of(
              "openssl",
              "req",
              "-x509",
              "-newkey",
              "ec",
              "-pkeyopt",
              "ec_paramgen_curve:P-256",
              "-nodes",
              "-days",
              "2",
              "-subj",
              "/CN=" + kind,
              "-addext",
              "subjectAltName=URI:spiffe://portcullis/" + kind,
              "-keyout",
              made.key(kind).toString(),
              "-out",
              made.certificate(kind).toString()),
          30);
      trusted.append(Files.readString(made.certificate(kind)));
    }
    Files.writeString(made.trusted(), trusted);
    return made;
  }

  private Path key(String kind) {
    return folder.resolve(kind + ".key");
  }

  private Path certificate(String kind) {
    return folder.resolve(kind + ".pem");
  }

  private Path trusted() {
    return folder.resolve("trusted.pem");
  }

  /** Mutual TLS of a kind of module. */
  LinkSecurity of(String kind) throws IOException {
    return LinkSecurity.mutualTls(certificate(kind), key(kind), trusted());
  }

  private void delete() {
    try {
      for (String kind : KINDS) {
        Files.deleteIfExists(key(kind));
        Files.deleteIfExists(certificate(kind));
      }
      Files.deleteIfExists(trusted());
      Files.deleteIfExists(folder);
    } catch (IOException e) {
      System.err.println("The folder " + folder + " could not be deleted: " + e.getMessage());
    }
  }
}
