package org.netback.daemon.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.client.Client;
import org.netback.client.Query;
import org.netback.client.UserError;
import org.netback.client.Verb;
import org.netback.daemon.Program;
import org.netback.daemon.control.ControlServer;
import org.netback.daemon.control.Reply;
import org.netback.daemon.control.Routes;
import org.netback.loop.InternalErrors;

/// The client as a process of its own, with everything on its class path that the daemon has.
class ClientProcessTest {
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  @TempDir Path directory = Path.of("");
  private final List<ControlServer> servers = new ArrayList<>();

  @BeforeEach
  void listen() throws IOException {
    List<Map<String, Object>> many =
        IntStream.range(0, 20_000).mapToObj(i -> Map.<String, Object>of("id", "vif" + i)).toList();
    Map<String, Object> status = new LinkedHashMap<>(Map.of("version", "x", "pid", 1));
    servers.add(
        ControlServer.listen(
            socket(),
            new Routes()
                .add("GET", "/status", (path, body) -> Reply.ok(status))
                .add("GET", "/vifs", (path, body) -> Reply.ok(many))
                .add("GET", "/vifs/*", (path, body) -> Reply.ok(Map.of("id", path.get(0)))),
            new InternalErrors(System::nanoTime)));
  }

  @AfterEach
  void close() throws IOException {
    for (ControlServer server : servers) {
      server.close();
    }
  }

  private Path socket() {
    return directory.resolve("c.sock");
  }

  /// @param shell with `netback` in it, a function
  private Program.Result shell(String shell) throws IOException {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    String netback =
        "netback() { %s $options -cp '%s' %s \"$@\" --control %s; }; "
            .formatted(
                java, System.getProperty("java.class.path"), Client.class.getName(), socket());
    return Program.run(PATIENCE, List.of("bash", "-c", netback + shell));
  }

  @Test
  void aQueryLoadsNothingButItselfAndTheJdk() throws Exception {
    Path loaded = directory.resolve("loaded");
    Program.Result result =
        shell("options=-Xlog:class+load:file=" + loaded + "; netback status; netback vif show x");
    assertThat(result.code()).as(result.err()).isZero();
    Set<String> origins = new TreeSet<>();
    Matcher line = Pattern.compile("\\] (\\S+) source: file:.*").matcher(Files.readString(loaded));
    while (line.find()) {
      origins.add(line.group(1).replaceFirst("\\.[A-Z].*", ""));
    }
    assertThat(origins).containsExactly("org.netback.client");
  }

  @Test
  void aReaderThatHasSeenEnoughSeesNoStackTrace() throws Exception {
    // More than a pipe holds, so that the client writes when the reader has gone.
    Program.Result result = shell("netback vif list | head -n 1; exit ${PIPESTATUS[0]}");
    assertThat(result.out()).startsWith("VIF").hasLineCount(1);
    assertThat(result.err()).isEmpty();
    assertThat(result.code()).isEqualTo(UserError.OUTPUT);
  }

  @Test
  void aFullDiskIsTold() throws Exception {
    Program.Result result = shell("netback status >/dev/full");
    assertThat(result.err())
        .isEqualTo("netback: the output cannot be written: No space left on device\n");
    assertThat(result.code()).isEqualTo(UserError.OUTPUT);
  }

  @Test
  void namesAreUtf8InTheLanguageThatTheLauncherSets() throws Exception {
    Program.Result result = shell("export LC_ALL=C.UTF-8; netback vif show é --json");
    assertThat(result.out()).isEqualTo("{\n  \"id\" : \"é\"\n}\n");
  }

  /// One of another JDK, or of a directory that was copied.
  @ParameterizedTest
  @ValueSource(strings = {"../bin/netback", "src/main/image/bin/netback"})
  void aStartUpCacheThatDoesNotFitIsPassedOverInSilence(String launcher) throws Exception {
    Path junk = Files.writeString(directory.resolve("junk.jsa"), "junk");
    String logging =
        Pattern.compile("-Xlog:[^\\s)]+")
            .matcher(Files.readString(Path.of(launcher)))
            .results()
            .map(MatchResult::group)
            .distinct()
            .collect(Collectors.joining(" "));
    Program.Result result =
        shell(
            "set -f; options='-XX:SharedArchiveFile=%s %s'; netback status"
                .formatted(junk, logging));
    assertThat(logging).contains("stderr");
    assertThat(result.err()).isEmpty();
    assertThat(result.out()).doesNotContain("[error]");
    assertThat(result.code()).isZero();
  }

  /// What the launchers have to know by heart.
  @Test
  void theLaunchersTakeTheWholeProgramForJustWhatTheClientCannotDo() throws Exception {
    Set<String> servers =
        Verb.all().stream()
            .filter(verb -> !(verb instanceof Query))
            .map(Verb::phrase)
            .collect(Collectors.toCollection(TreeSet::new));
    for (String launcher : List.of("../bin/netback", "src/main/image/bin/netback")) {
      String script = Files.readString(Path.of(launcher));
      Matcher cases =
          Pattern.compile("case \"\\$\\{1:-\\} \\$\\{2:-\\}\" in\\n *([a-z|'* -]+)\\)")
              .matcher(script);
      assertThat(cases.find()).as(launcher).isTrue();
      // 'run '* is the word with whatever follows it, 'console attach' the two words.
      Set<String> listed =
          Stream.of(cases.group(1).split(" \\| ", -1))
              .map(words -> words.replaceAll("['*]", "").strip())
              .collect(Collectors.toCollection(TreeSet::new));
      assertThat(listed).as(launcher).isEqualTo(servers);
      assertThat(script).as(launcher).contains("LC_ALL=C.UTF-8", Client.class.getName());
    }
  }
}
