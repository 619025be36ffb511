import com.google.googlejavaformat.java.Formatter;
import com.google.googlejavaformat.java.FormatterException;
import com.google.googlejavaformat.java.ImportOrderer;
import com.google.googlejavaformat.java.JavaFormatterOptions;
import com.google.googlejavaformat.java.RemoveUnusedImports;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Formats every Java source file of the repository, or says which are not formatted. The build runs
 * it as a source file on the JDK of the toolchain with google-java-format on the class path.
 *
 * <p>Arguments: {@code check} or {@code write}, the root of the repository, and a file that is left
 * behind, with a line for each source that is not formatted ({@code check}) or cannot be read as
 * Java.
 */
final class Format {
  private static final Set<String> SKIPPED =
      Set.of("target", ".git", ".mvn", "node_modules", "shared");

  private Format() {}

  public static void main(String[] args) throws Exception {
    boolean write = args[0].equals("write");
    Path root = Path.of(args[1]);
    Path faults = Path.of(args[2]);
    Files.deleteIfExists(faults);
    List<String> refused = new ArrayList<>();
    List<Path> files = sources(root);
    try (var pool = Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors())) {
      List<Callable<Boolean>> tasks = new ArrayList<>();
      for (Path file : files) {
        tasks.add(() -> differs(file, write));
      }
      List<Future<Boolean>> results = pool.invokeAll(tasks);
      for (int i = 0; i < files.size(); i++) {
        Path name = root.relativize(files.get(i));
        try {
          if (results.get(i).get()) {
            if (write) {
              System.out.println("formatted " + name);
            } else {
              refused.add("not formatted: " + name);
            }
          }
        } catch (ExecutionException e) {
          refused.add(name + ": " + e.getCause().getMessage());
        }
      }
    }
    if (!refused.isEmpty()) {
      refused.sort(null);
      refused.forEach(System.err::println);
      Files.createDirectories(faults.getParent());
      Files.write(faults, refused);
    }
  }

  private static boolean differs(Path file, boolean write) throws IOException, FormatterException {
    String before = Files.readString(file);
    String ordered =
        ImportOrderer.reorderImports(
            RemoveUnusedImports.removeUnusedImports(before), JavaFormatterOptions.Style.GOOGLE);
    String after = new Formatter().formatSource(ordered);
    if (after.equals(before)) {
      return false;
    }
    if (write) {
      Files.writeString(file, after);
    }
    return true;
  }

  private static List<Path> sources(Path root) throws IOException {
    List<Path> files = new ArrayList<>();
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
            boolean skip =
                !folder.equals(root) && SKIPPED.contains(folder.getFileName().toString());
            return skip ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            if (file.getFileName().toString().endsWith(".java")) {
              files.add(file);
            }
            return FileVisitResult.CONTINUE;
          }
        });
    return files;
  }
}
