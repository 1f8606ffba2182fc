package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.netback.client.Verb;
import org.netback.vswitch.DropReason;

/// What the documents name in code style is there: classes, their members, tests, files.
class DocumentsTest {
  private static final Path ROOT = root();

  /// Classes that documents name and that are not of this project.
  private static final Set<String> FOREIGN = Set.of("IOException");

  private static final Pattern FENCE = Pattern.compile("(?ms)^```.*?^```");
  private static final Pattern CODE = Pattern.compile("`([^`\\n]+)`");
  private static final Pattern CLASS =
      Pattern.compile("([A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*)(?:[.#]([A-Za-z0-9]+)(…)?)?.*");
  private static final Pattern DECLARATION =
      Pattern.compile("\\b(?:class|interface|record|enum|@interface) ([A-Z]\\w*)");
  private static final Pattern PATH = Pattern.compile("[A-Za-z][\\w.-]*(?:/[\\w.-]+)*/?");

  /// The sources of every type by its simple name.
  private static final Map<String, String> SOURCES = sources();

  @Test
  void everyReasonOfADropIsExplained() throws IOException {
    String text = Files.readString(ROOT.resolve("docs/drops.md"));
    assertThat(DropReason.values()).allMatch(reason -> text.contains("\n| `" + reason + "` |"));
  }

  @Test
  void everyClassAndTestThatADocumentNamesExists() throws IOException {
    List<String> missing = new ArrayList<>();
    Set<String> foreign = new TreeSet<>();
    int named = 0;
    for (Path document : documents()) {
      for (String code : code(document)) {
        var name = CLASS.matcher(code);
        if (!name.matches()) {
          continue;
        }
        named++;
        if (FOREIGN.contains(name.group(1))) {
          foreign.add(name.group(1));
        } else if (!exists(name.group(1), name.group(2), name.group(3) != null)) {
          missing.add(ROOT.relativize(document) + ": " + code);
        }
      }
    }
    assertThat(missing).isEmpty();
    assertThat(named).as("names found").isGreaterThan(100);
    assertThat(foreign).isEqualTo(new TreeSet<>(FOREIGN));
  }

  @Test
  void everyFileOfTheProjectThatADocumentNamesExists() throws IOException {
    Set<String> tops = tops();
    List<String> missing = new ArrayList<>();
    int named = 0;
    for (Path document : documents()) {
      for (String code : code(document)) {
        String first = code.split(" ", 2)[0];
        if (!PATH.matcher(first).matches() || !tops.contains(first.split("/", 2)[0])) {
          continue;
        }
        named++;
        // What a build makes need not be there.
        if (!first.contains("target") && !there(document, first)) {
          missing.add(ROOT.relativize(document) + ": " + code);
        }
      }
    }
    assertThat(missing).isEmpty();
    assertThat(named).as("paths found").isGreaterThan(20);
  }

  @Test
  void theReadmeNamesEveryCommand() throws IOException {
    String readme = Files.readString(ROOT.resolve("README.md"));
    assertThat(Verb.all().stream().filter(verb -> !verb.isHidden()).map(Verb::phrase))
        .hasSizeGreaterThan(10)
        .allSatisfy(phrase -> assertThat(readme).containsPattern("(netback |`)" + phrase + "\\b"));
  }

  private static boolean there(Path document, String path) {
    return Files.exists(ROOT.resolve(path))
        || Files.exists(document.resolveSibling(path))
        // A module's name alone stands for the folder wherever it is.
        || !path.contains("/");
  }

  private static boolean exists(String type, String member, boolean begins) {
    String source = SOURCES.get(type);
    if (source == null) {
      return false;
    }
    return member == null
        || Pattern.compile("\\b" + member + (begins ? "" : "\\b")).matcher(source).find();
  }

  private static List<Path> documents() throws IOException {
    List<Path> documents = new ArrayList<>(List.of(ROOT.resolve("README.md")));
    for (String folder : List.of("docs", "integration")) {
      try (Stream<Path> files = Files.walk(ROOT.resolve(folder))) {
        files
            .filter(file -> file.toString().endsWith(".md"))
            .filter(file -> !file.toString().contains("/target/"))
            .forEach(documents::add);
      }
    }
    return documents;
  }

  private static List<String> code(Path document) throws IOException {
    String prose = FENCE.matcher(Files.readString(document)).replaceAll("");
    return CODE.matcher(prose).results().map(found -> found.group(1)).toList();
  }

  private static Set<String> tops() throws IOException {
    try (Stream<Path> files = Files.list(ROOT)) {
      return new TreeSet<>(files.map(file -> file.getFileName().toString()).toList());
    }
  }

  private static Map<String, String> sources() {
    Map<String, String> sources = new HashMap<>();
    try (Stream<Path> files = Files.walk(ROOT)) {
      for (Path file :
          files
              .filter(path -> path.toString().endsWith(".java"))
              .filter(path -> path.toString().contains("/src/"))
              .toList()) {
        String source = Files.readString(file);
        DECLARATION
            .matcher(source)
            .results()
            .forEach(found -> sources.merge(found.group(1), source, String::concat));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return sources;
  }

  /// The working directory is the module's.
  private static Path root() {
    Path module = Path.of("").toAbsolutePath();
    return Files.exists(module.resolve("README.md")) ? module : module.resolve("..").normalize();
  }
}
