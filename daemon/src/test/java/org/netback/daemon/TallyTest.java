package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The sum at the end of `bin/test`.
class TallyTest {
  private static final Duration LIMIT = Duration.ofMinutes(1);

  @TempDir Path project;
  private Path results = Path.of("/nowhere");
  private Path excuses = Path.of("/nowhere");

  @BeforeEach
  void aProject() throws IOException {
    results = Files.createFile(project.resolve("results"));
    excuses = Files.createFile(project.resolve("left-out"));
  }

  private void report(String module, String cases) throws IOException {
    Path reports = Files.createDirectories(project.resolve(module + "/target/surefire-reports"));
    Files.writeString(
        reports.resolve("TEST-a.B.xml"),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><testsuite>" + cases + "</testsuite>");
  }

  private Program.Result tally(boolean ci) throws IOException {
    return Program.run(
        LIMIT,
        List.of(
            "env",
            "CI=" + ci,
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "../integration/Tally.java",
            project.toString(),
            results.toString(),
            excuses.toString()));
  }

  private static String passing(String name) {
    return "<testcase name=\"" + name + "\" classname=\"a.B\"/>";
  }

  private static String aborted(String name, String why) {
    return "<testcase name=\""
        + name
        + "\" classname=\"a.B\"><skipped type=\"org.opentest4j.TestAbortedException\">"
        + "<![CDATA[org.opentest4j.TestAbortedException: Assumption failed: "
        + why
        + "\n\tat org.junit]]></skipped></testcase>";
  }

  @Test
  void addsUpAllModulesAndParts() throws IOException {
    report("one", passing("first") + passing("second"));
    report("xen/core", passing("third"));
    Files.writeString(results, "passed\t264\tintegration/xen/run\n");
    assertThat(tally(true))
        .isEqualTo(new Program.Result(0, "\n267 passed, 0 failed, 0 skipped\n", ""));
  }

  @Test
  void namesWhatFailed() throws IOException {
    report(
        "one",
        passing("first")
            + "<testcase name=\"second\" classname=\"a.B\"><failure>no</failure></testcase>"
            + "<testcase name=\"\" classname=\"a.B\"><error>no</error></testcase>");
    Files.writeString(results, "failed\tintegration/xen/run: a guest pings dom0\nmvn\t1\n");
    assertThat(tally(false))
        .isEqualTo(
            new Program.Result(
                1,
                """

                FAILED: a.B#second
                FAILED: a.B
                FAILED: integration/xen/run: a guest pings dom0
                1 passed, 3 failed, 0 skipped
                """,
                ""));
  }

  @Test
  void aBuildThatFailsWithoutAFailedTestHasFailed() throws IOException {
    report("one", passing("first"));
    Files.writeString(results, "mvn\t1\n");
    Program.Result result = tally(false);
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.out())
        .contains("FAILED: mvn verify: ended with 1")
        .endsWith("\n1 passed, 1 failed, 0 skipped\n");
  }

  @Test
  void listsWhatWasLeftOutWithTheReason() throws IOException {
    report(
        "one",
        passing("first")
            + aborted("second", "ping is not installed")
            + "<testcase name=\"third\" classname=\"a.B\"><skipped message=\"off\"/></testcase>");
    Files.writeString(results, "left out\tintegration/xen/run\tneeds root\n");
    assertThat(tally(false))
        .isEqualTo(
            new Program.Result(
                0,
                """

                left out: a.B#second: ping is not installed
                left out: a.B#third: off
                left out: integration/xen/run: needs root
                1 passed, 0 failed, 3 skipped
                """,
                ""));
  }

  @Test
  void inCiWhatIsLeftOutWithoutAnEntryHasFailed() throws IOException {
    report(
        "one", passing("first") + aborted("second", "no /dev/xen/gntdev") + aborted("third", "x"));
    Files.writeString(excuses, "# why\n\na.*: no /dev/xen/*  # runs in dom0\n");
    assertThat(tally(true))
        .isEqualTo(
            new Program.Result(
                1,
                """

                left out: a.B#second: no /dev/xen/gntdev
                FAILED: left out, and not in integration/left-out: a.B#third: x
                1 passed, 1 failed, 1 skipped
                """,
                ""));
  }

  @Test
  void anEntryThatNothingNeedsIsReported() throws IOException {
    report("one", passing("first"));
    Files.writeString(excuses, "a.*: no /dev/xen/*  # runs in dom0\n");
    Program.Result result = tally(true);
    assertThat(result.code()).isZero();
    assertThat(result.out())
        .contains("nothing is left out by \"a.*: no /dev/xen/*  # runs in dom0\"")
        .endsWith("\n1 passed, 0 failed, 0 skipped\n");
  }

  @Test
  void anEntryWithoutAReasonIsRefused() throws IOException {
    report("one", passing("first"));
    Files.writeString(excuses, "a.*\n");
    Program.Result result = tally(true);
    assertThat(result.code()).isNotZero();
    assertThat(result.err()).contains("no reason");
  }

  @Test
  void nothingRunIsNoSuccess() throws IOException {
    Files.writeString(results, "left out\tmvn verify\tnot asked for\n");
    Program.Result result = tally(false);
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.out())
        .contains("FAILED: nothing was run")
        .endsWith("\n0 passed, 1 failed, 1 skipped\n");
  }

  /// `bin/test` with a part that says this.
  private Program.Result test(String said, int code) throws IOException {
    Path bin = Files.createDirectories(project.resolve("bin"));
    for (String file :
        List.of("bin/test", "bin/find-java", "bin/find-maven", "bin/install", "bin/packages")) {
      Files.copy(Path.of("..", file), project.resolve(file), StandardCopyOption.COPY_ATTRIBUTES);
    }
    write(bin.resolve("mvn"), "echo Apache Maven 3.9.9");
    Path part = Files.createDirectories(project.resolve("integration/fresh")).resolve("run");
    write(part, "printf '" + said + "'\nexit " + code);
    Files.copy(Path.of("../integration/Tally.java"), project.resolve("integration/Tally.java"));
    Files.createFile(project.resolve("integration/left-out"));
    return Program.run(
        LIMIT,
        List.of(
            "env",
            "CI=false",
            "NETBACK_JAVA_HOME=" + System.getProperty("java.home"),
            "PATH=" + bin + ":" + System.getenv("PATH"),
            bin.resolve("test").toString(),
            "fresh"));
  }

  private static void write(Path program, String text) throws IOException {
    Files.writeString(program, "#!/bin/sh\n" + text + "\n");
    assertThat(program.toFile().setExecutable(true)).isTrue();
  }

  /// What failures are called comes over a console, which the kernel writes to as well.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "ok a\\nFAIL b\\n1 passed, 1 failed\\n     | 1 | run: b",
        "[  1.20] FAIL b\\n1 passed, 1 failed\\n     | 1 | run: b",
        "[  1.20] FA[  1.3] usb\\n1 passed, 1 failed\\n | 1 | run: 1 more of 1 that failed",
        "FAIL b\\nF\\n1 passed, 2 failed\\n          | 1 | run: 1 more of 2 that failed",
        "ok a\\n1 passed, 0 failed\\n               | 1 | run: ended with 1",
        "ok a\\n1 pas                              | 0 | run: ended with 0",
        "FAIL a\\n                               | 137 | run: a",
      })
  void aPartThatFailedIsNeverGreen(String said, int code, String failed) throws IOException {
    Program.Result result = test(said, code);
    assertThat(result.code()).as(result.toString()).isEqualTo(1);
    assertThat(result.out()).contains("FAILED: integration/fresh/" + failed);
  }

  @Test
  void aPartThatPassedIsGreen() throws IOException {
    Program.Result result = test("ok a\\n1 passed, 0 failed\\n", 0);
    assertThat(result.code()).as(result.toString()).isZero();
    assertThat(result.out()).endsWith("\n1 passed, 0 failed, 2 skipped\n");
  }
}
