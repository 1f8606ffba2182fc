import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/// Sums up a run of bin/test: reads Surefire's reports of all modules, and what the other parts
/// have noted; prints what failed, what was left out and why, and as the last line `N passed, N
/// failed, N skipped`. Exit code 1 if something failed or nothing passed.
///
/// Started from its source: `java Tally.java PROJECT RESULTS LEFT-OUT`. With CI=true in the
/// environment, what is left out without an entry in LEFT-OUT has failed.
final class Tally {
  private int passed;
  private final List<String> failed = new ArrayList<>();
  private final List<String> leftOut = new ArrayList<>();

  /// An entry of the list of what may be left out.
  private record Excuse(String line, Pattern pattern) {
    static Excuse parse(String line) {
      int reason = line.indexOf("  # ");
      if (reason < 0) {
        throw new IllegalArgumentException("no reason after \"  # \": " + line);
      }
      return new Excuse(
          line,
          Pattern.compile(
              Stream.of(line.substring(0, reason).split("\\*", -1))
                  .map(Pattern::quote)
                  .collect(Collectors.joining(".*"))));
    }
  }

  public static void main(String[] arguments) throws Exception {
    Path project = Path.of(arguments[0]);
    Tally tally = new Tally();
    for (String modules : List.of("*", "*/*")) {
      tally.addReports(project, modules);
    }
    tally.addResults(Path.of(arguments[1]));
    boolean strict = "true".equals(System.getenv("CI"));
    System.exit(tally.close(strict, excuses(Path.of(arguments[2]))));
  }

  private static List<Excuse> excuses(Path file) throws IOException {
    return Files.readAllLines(file).stream()
        .filter(line -> !line.isBlank() && !line.startsWith("#"))
        .map(Excuse::parse)
        .toList();
  }

  private void addReports(Path project, String modules) throws Exception {
    List<Path> level = new ArrayList<>(List.of(project));
    for (String _ : modules.split("/")) {
      List<Path> next = new ArrayList<>();
      for (Path directory : level) {
        try (DirectoryStream<Path> entries =
            Files.newDirectoryStream(directory, Files::isDirectory)) {
          entries.forEach(next::add);
        }
      }
      level = next;
    }
    level.sort(null);
    for (Path module : level) {
      Path reports = module.resolve("target/surefire-reports");
      if (Files.isDirectory(reports)) {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(reports, "TEST-*.xml")) {
          for (Path file : files) {
            addReport(file);
          }
        }
      }
    }
  }

  private void addReport(Path file) throws Exception {
    NodeList cases =
        DocumentBuilderFactory.newInstance()
            .newDocumentBuilder()
            .parse(file.toFile())
            .getElementsByTagName("testcase");
    for (int i = 0; i < cases.getLength(); i++) {
      Element test = (Element) cases.item(i);
      String method = test.getAttribute("name");
      String name = test.getAttribute("classname") + (method.isEmpty() ? "" : "#" + method);
      NodeList skipped = test.getElementsByTagName("skipped");
      if (test.getElementsByTagName("failure").getLength() > 0
          || test.getElementsByTagName("error").getLength() > 0) {
        failed.add(name);
      } else if (skipped.getLength() > 0) {
        leftOut.add(name + ": " + reason((Element) skipped.item(0)));
      } else {
        passed++;
      }
    }
  }

  private static String reason(Element skipped) {
    String text = skipped.getAttribute("message");
    if (text.isBlank()) {
      text = skipped.getTextContent().strip().lines().findFirst().orElse("no reason given");
    }
    return text.lines()
        .collect(Collectors.joining(" "))
        .replaceFirst("^org\\.opentest4j\\.TestAbortedException: ", "")
        .replaceFirst("^Assumption failed: ", "");
  }

  private void addResults(Path file) throws IOException {
    for (String line : Files.readAllLines(file)) {
      String[] fields = line.split("\t", -1);
      switch (fields[0]) {
        case "passed" -> passed += fields[1].isEmpty() ? 0 : Integer.parseInt(fields[1]);
        case "failed" -> failed.add(fields[1]);
        case "left out" -> leftOut.add(fields[1] + ": " + fields[2]);
        case "mvn" -> {
          // Unless a test says more.
          if (failed.isEmpty()) {
            failed.add(
                "mvn verify: ended with " + fields[1] + ", its log is target/test/maven.log");
          }
        }
        default -> throw new IllegalArgumentException(line);
      }
    }
  }

  private int close(boolean strict, List<Excuse> excuses) {
    System.out.println();
    List<String> skipped = new ArrayList<>();
    for (String each : leftOut) {
      boolean excused = excuses.stream().anyMatch(e -> e.pattern.matcher(each).matches());
      if (strict && !excused) {
        failed.add("left out, and not in integration/left-out: " + each);
      } else {
        skipped.add(each);
      }
    }
    skipped.forEach(each -> System.out.println("left out: " + each));
    if (strict) {
      for (Excuse excuse : excuses) {
        if (leftOut.stream().noneMatch(each -> excuse.pattern.matcher(each).matches())) {
          System.out.println(
              "integration/left-out: nothing is left out by \"" + excuse.line + "\"");
        }
      }
    }
    if (passed == 0 && failed.isEmpty()) {
      failed.add("nothing was run");
    }
    failed.forEach(each -> System.out.println("FAILED: " + each));
    System.out.printf("%d passed, %d failed, %d skipped%n", passed, failed.size(), skipped.size());
    return failed.isEmpty() ? 0 : 1;
  }
}
