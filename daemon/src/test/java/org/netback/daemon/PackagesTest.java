package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The list of packages in `bin/packages`, who has to agree with it, and `bin/install`, which
/// installs what is missing of it: here with a list, an `apt-get` and an `id` of the test's own.
class PackagesTest {
  private static final Path PROJECT = Path.of("..").toAbsolutePath().normalize();
  private static final Duration LIMIT = Duration.ofMinutes(1);

  @TempDir Path directory;
  private Path programs = Path.of("/nowhere");

  /// A line of the list.
  private record Entry(String name, List<String> shownBy, List<String> groups) {}

  private static List<Entry> entries() throws IOException {
    return Files.readAllLines(PROJECT.resolve("bin/packages")).stream()
        .filter(line -> !line.isBlank() && !line.startsWith("#"))
        .map(line -> line.split(" +", 4))
        .map(column -> new Entry(column[0], split(column[1]), split(column[2])))
        .toList();
  }

  private static List<String> split(String list) {
    return List.of(list.split(",", -1));
  }

  /// What a row of the README's table names, with the rows that it refers to.
  @ParameterizedTest
  @CsvSource({
    "build, building",
    "demo, the demo",
    "tests, 'the tests'",
    "xen, 'the tests on a real Xen'",
    "benchmarks, the benchmarks",
    "peers, 'the benchmarks'' peers'"
  })
  void theReadmeNamesTheSamePackages(String group, String row) throws IOException {
    String line =
        Files.readAllLines(PROJECT.resolve("README.md")).stream()
            .filter(each -> each.startsWith("| " + row + " | "))
            .findFirst()
            .orElseThrow();
    Set<String> named =
        Pattern.compile("`([^`]*)`")
            .matcher(line.split(" \\| ", -1)[1])
            .results()
            .map(MatchResult::group)
            .flatMap(list -> Pattern.compile(" ").splitAsStream(list.replace("`", "")))
            .collect(Collectors.toCollection(TreeSet::new));
    Set<String> listed = new TreeSet<>();
    for (Entry entry : entries()) {
      if (entry.groups.contains(group)) {
        listed.add(entry.name);
      }
    }
    assertThat(named).isNotEmpty().isEqualTo(listed);
  }

  @Test
  void theDaemonNamesTheSamePackagesForItsPrograms() throws IOException {
    List<Entry> entries = entries();
    assertThat(MissingProgram.PACKAGES)
        .allSatisfy(
            (program, name) ->
                assertThat(entries)
                    .filteredOn(entry -> entry.shownBy.contains(program))
                    .singleElement()
                    .satisfies(entry -> assertThat(entry.name).isEqualTo(name))
                    .satisfies(entry -> assertThat(entry.groups).contains("demo")));
  }

  @BeforeEach
  void aSystemOfItsOwn() throws IOException {
    programs = Files.createDirectory(directory.resolve("programs"));
    Path bin = Files.createDirectory(directory.resolve("bin"));
    for (String script : List.of("install", "find-maven")) {
      Files.copy(
          PROJECT.resolve("bin").resolve(script),
          bin.resolve(script),
          StandardCopyOption.COPY_ATTRIBUTES);
    }
    Files.writeString(
        bin.resolve("packages"),
        """
        # a comment
        one    nb-one            demo        does the first thing
        two    nb-two,nb-three   demo,tests  does the second thing
        three  %s/a-file         tests       does the third thing
        maven  mvn               build       builds
        """
            .formatted(directory));
    for (String program :
        List.of(
            "bash",
            "sed",
            "awk",
            "tr",
            "sort",
            "dirname",
            "readlink",
            "cat",
            "mktemp",
            "rm",
            "grep",
            "head",
            "touch")) {
      write(program, "exec " + Program.find(program).orElseThrow() + " \"$@\"");
    }
    write("id", "echo 0");
  }

  private void write(String program, String line) throws IOException {
    Path file = Files.writeString(programs.resolve(program), "#!/bin/sh\n" + line + "\n");
    assertThat(file.toFile().setExecutable(true)).isTrue();
  }

  /// An apt-get that knows some packages only.
  private void writeAptGet(String knows) throws IOException {
    write(
        "apt-get",
        """
        echo "$@" >>%1$s/apt.log
        case " $* " in *' install '*) ;; *) exit 0 ;; esac
        while [ "$1" != --no-install-recommends ]; do shift; done
        shift
        for each; do
          case " %2$s " in *" $each "*) ;; *) echo "E: Unable to locate package $each"; exit 100 ;; esac
        done
        for each; do
          case $each in
            one) made=nb-one ;;
            two) made='nb-two nb-three' ;;
            three) : >%1$s/a-file; continue ;;
          esac
          for program in $made; do : >%3$s/$program; /bin/chmod +x %3$s/$program; done
        done\
        """
            .formatted(directory, knows, programs));
  }

  private List<String> calledAptGet() throws IOException {
    Path log = directory.resolve("apt.log");
    List<String> installed = new ArrayList<>();
    for (String line : Files.exists(log) ? Files.readAllLines(log) : List.<String>of()) {
      int at = line.indexOf("--no-install-recommends ");
      if (at >= 0) {
        installed.add(line.substring(at + "--no-install-recommends ".length()));
      }
    }
    return installed;
  }

  private Program.Result install(String group, String... environment) throws IOException {
    List<String> command = new ArrayList<>(List.of("env", "-i", "PATH=" + programs));
    command.addAll(List.of(environment));
    command.addAll(List.of("/bin/bash", directory.resolve("bin/install").toString(), group));
    return Program.run(LIMIT, command);
  }

  @Test
  void installsOnlyWhatIsMissingAndSaysWhatFor() throws IOException {
    writeAptGet("one two three");
    write("nb-one", "true");
    Program.Result result = install("demo");
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.err()).contains("does the second thing").doesNotContain("the first");
    assertThat(calledAptGet()).containsExactly("two");
    assertThat(install("demo")).isEqualTo(new Program.Result(0, "", ""));
    assertThat(calledAptGet()).hasSize(1);
  }

  @Test
  void aPackageIsMissingUntilAllThatShowsItIsThere() throws IOException {
    writeAptGet("one two three");
    write("nb-two", "true");
    Files.createFile(directory.resolve("a-file"));
    assertThat(install("tests").code()).isZero();
    assertThat(calledAptGet()).containsExactly("two");
  }

  @Test
  void installsNothingWhereThatIsForbidden() throws IOException {
    writeAptGet("one two three");
    Program.Result result = install("demo", "NETBACK_INSTALL=no");
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.err())
        .contains("NETBACK_INSTALL=no forbids it")
        .contains("does the first thing")
        .endsWith("apt-get install one two\n");
    assertThat(calledAptGet()).isEmpty();
  }

  @Test
  void onlyRootInstalls() throws IOException {
    writeAptGet("one two three");
    write("id", "echo 1000");
    Program.Result result = install("demo");
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.err()).contains("only root can").endsWith("apt-get install one two\n");
    assertThat(calledAptGet()).isEmpty();
  }

  @Test
  void whereThereIsNoAptGetItNamesThePrograms() throws IOException {
    Program.Result result = install("demo");
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.err()).contains("no apt-get").contains("one").contains("two");
  }

  @Test
  void oneUnknownPackageKeepsNoOtherAway() throws IOException {
    writeAptGet("one");
    Program.Result result = install("demo");
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.err())
        .contains("E: Unable to locate package two")
        .contains("not installed (apt-get failed)")
        .endsWith("apt-get install two\n");
    assertThat(calledAptGet()).containsExactly("one two", "one", "two");
  }

  @Test
  void anUnknownGroupIsRefusedWithThoseThereAre() throws IOException {
    Program.Result result = install("bananas");
    assertThat(result.code()).isEqualTo(64);
    assertThat(result.err()).contains("\"bananas\"").contains("demo tests");
  }

  private Program.Result findMaven() throws IOException {
    return Program.run(
        LIMIT,
        List.of(
            "env",
            "-i",
            "PATH=" + programs,
            "NETBACK_INSTALL=no",
            "/bin/bash",
            "-c",
            ". " + directory.resolve("bin/find-maven")));
  }

  @ParameterizedTest
  @CsvSource({"3.5.4, 69", "3.6.3, 0", "3.8.7, 0", "3.10.0, 0", "4.0.0, 0"})
  void aMavenIsTakenThatThePluginsRunOn(String version, int code) throws IOException {
    write("mvn", "echo Apache Maven " + version);
    Program.Result result = findMaven();
    assertThat(result.code()).as(result.err()).isEqualTo(code);
    if (code != 0) {
      assertThat(result.err()).contains("3.6.3 or newer").contains("is " + version);
    }
  }

  @Test
  void withoutMavenThePackageIsNamed() throws IOException {
    Program.Result result = findMaven();
    assertThat(result.code()).isEqualTo(69);
    assertThat(result.err()).contains("apt-get install maven");
  }
}
