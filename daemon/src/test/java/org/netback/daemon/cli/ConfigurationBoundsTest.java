package org.netback.daemon.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.netback.adapters.tap.TapOptions;
import org.netback.daemon.config.Configuration;
import org.netback.daemon.config.Configuration.NetworkChoice;
import org.netback.daemon.config.Configuration.TapChoice;
import org.netback.daemon.config.ConfigurationFile;
import org.netback.vswitch.MacLimits;

/// Every key at its bounds, just beyond them, and far from them: what is allowed reaches the
/// constructors, what is not ends the command with the place and what would be right.
class ConfigurationBoundsTest {
  @TempDir Path directory = Path.of("");

  /// One key.
  ///
  /// @param lines of the file, with `%s` for the value
  /// @param allowed what the error says
  record Key(String lines, List<String> accepted, List<String> refused, String allowed) {
    @Override
    public String toString() {
      return lines;
    }

    String with(String value) {
      String ground = lines.startsWith("ground") ? "" : "ground: {run: run}\n";
      return ground + lines.replace("%s", value) + '\n';
    }
  }

  private static final List<String> NO_WORDS = List.of("", "\"\"", "[]", "[1]", "{}");
  private static final String PLAIN =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

  private static List<String> and(List<String> values, String... more) {
    List<String> all = new ArrayList<>(values);
    all.addAll(List.of(more));
    return all;
  }

  private static Key number(String lines, long min, long max) {
    return new Key(
        lines,
        List.of(Long.toString(min), Long.toString(max), "\"" + max + '"'),
        and(
            NO_WORDS,
            Long.toString(min - 1),
            Long.toString(max + 1),
            "-1",
            "-0",
            "+1",
            "1.5",
            "1e3",
            "0x10",
            "1_0",
            "one",
            "4294967297",
            "9223372036854775807",
            "9223372036854775808",
            "9".repeat(1000)),
        "a number from " + min + " to " + max);
  }

  private static Key flag(String lines) {
    return new Key(
        lines,
        List.of("true", "false"),
        and(NO_WORDS, "True", "yes", "on", "0", "1"),
        "true or false");
  }

  private static Key time(String lines, List<String> accepted, String range, String... refused) {
    return new Key(
        lines,
        accepted,
        and(
            and(NO_WORDS, refused),
            "0",
            "0s",
            "-1s",
            "1",
            "1.5s",
            "1d",
            "5 minutes",
            "999999999h",
            "9223372036854775808s",
            "9".repeat(1000) + "h"),
        "a time from " + range);
  }

  private static Key portName(String lines, String allowed) {
    return new Key(
        lines,
        List.of("a", PLAIN.substring(0, 15), PLAIN.substring(PLAIN.length() - 15), "..."),
        and(
            NO_WORDS,
            PLAIN.substring(0, 16),
            ".",
            "..",
            "a/b",
            "'a:b'",
            "'a b'",
            "up%d",
            "é",
            "\"a\\nb\"",
            "\"a\\0b\"",
            "x".repeat(10_000)),
        allowed);
  }

  static Stream<Key> keys() {
    String network = "networks: [{name: lan, %s: %%s}]";
    String multicast = "networks: [{name: lan, multicast: {%s: %%s}}]";
    String tap = "networks: [{name: lan}]\ntaps:\n  - {name: up0, network: lan, %s: %%s}";
    String staticEntry = "networks: [{name: lan, static: [{%s}]}]";
    return Stream.of(
        number("loops: %s", 1, 64),
        number("linger-us: %s", 0, 1000),
        number("vifs: {max-queues: %s}", 1, 64),
        number(network.formatted("mac-table-size"), 1, 1 << 20),
        number(network.formatted("macs-per-port"), 1, 1 << 20),
        number(multicast.formatted("groups-per-port"), 1, 4096),
        number(tap.formatted("queues"), 1, 16),
        number(tap.formatted("mtu"), 68, 65521),
        flag("ground: {run: run, apart: %s}"),
        flag(multicast.formatted("snooping")),
        flag(multicast.formatted("querier")),
        flag(multicast.formatted("fast-leave")),
        flag(tap.formatted("persistent")),
        time(
            network.formatted("ageing"),
            List.of("1s", "1000ms", "8760h", "525600m", "31536000s", "1 h"),
            "1s to 8760h",
            "999ms",
            "500ms",
            "8761h",
            "525601m",
            "31536001s"),
        time(
            multicast.formatted("query-interval"),
            List.of("2s", "2000ms", "8h", "480m"),
            "2s to 8h",
            "1999ms",
            "1s",
            "9h",
            "481m"),
        new Key(
            multicast.formatted("unregistered"),
            List.of("flood", "routers", "routers-and-nd"),
            and(NO_WORDS, "Flood", "true", "none"),
            "flood, routers or routers-and-nd"),
        new Key(
            "ground: {kind: %s, run: run}",
            List.of("embedded"), and(NO_WORDS, "dom1", "Dom0", "xen"), "dom0 or embedded"),
        new Key(
            "networks:\n  - name: %s",
            List.of("a", PLAIN.substring(0, 63)),
            and(NO_WORDS, PLAIN.substring(0, 64), "a/b", "'a b'", "é", "\"a\\0b\""),
            "1 to 63 letters, digits, dots, hyphens or underscores"),
        portName(
            "networks: [{name: lan}]\ntaps:\n  - {network: lan, name: %s}", "an interface name"),
        portName(staticEntry.formatted("mac: \"02:00:00:00:00:01\", port: %s"), "a port's name of"),
        new Key(
            staticEntry.formatted("port: up0, mac: %s"),
            List.of("\"02:00:00:00:00:01\"", "\"FE:ff:FF:ff:FF:ff\"", "\"00:00:00:00:00:01\""),
            and(
                NO_WORDS,
                "\"00:00:00:00:00:00\"",
                "\"ff:ff:ff:ff:ff:ff\"",
                "\"01:00:5e:00:00:01\"",
                "\"33:33:00:00:00:01\"",
                "\"02:00:00:00:00\"",
                "\"02:00:00:00:00:01:02\"",
                "\"02-00-00-00-00-01\"",
                "\"+2:00:00:00:00:01\"",
                "020000000001"),
            "\"mac\""),
        new Key(
            multicast.formatted("router-ports"),
            List.of("[]", "[up0, vif1.0]", "[" + PLAIN.substring(0, 15) + ']'),
            List.of("up0", "[\"\"]", "[[]]", "[a/b]", '[' + PLAIN.substring(0, 16) + ']', "{}"),
            "\"router-ports\""),
        new Key(
            tap.formatted("namespace"),
            List.of("\"\"", "ns", "é", "x".repeat(255), "/proc/1/ns/net"),
            List.of("", "[]", "x".repeat(256), ".", "..", "a/b", "/", "\"a\\0b\"", "\"a\\nb\""),
            "a network namespace's name, or a path that begins with /"),
        new Key(
            "networks: [{name: lan}]\ntaps:\n  - {name: up0, network: %s}",
            List.of("lan"), and(NO_WORDS, "Lan", "lan2"), "network"),
        new Key(
            "ground: {run: %s}",
            List.of("r", "/" + "x".repeat(86)),
            and(NO_WORDS, "/" + "x".repeat(87), "é".repeat(44), "x".repeat(10_000), "\"/a\\0b\""),
            "\"run\""),
        new Key(
            "control: %s",
            List.of("c.sock", "/" + "x".repeat(105), "/" + "é".repeat(52) + 'x', "run/c.sock"),
            and(
                NO_WORDS,
                "/" + "x".repeat(106),
                "/" + "é".repeat(53),
                "\"/a\\0b\"",
                "run",
                "run/",
                "./run/../run/ground.sock",
                "run/xenstored.sock",
                "run/lock",
                "run/daemon.lock",
                "run/domains/1.sock"),
            "\"control\""));
  }

  @ParameterizedTest
  @MethodSource("keys")
  void takesWhatIsAllowed(Key key) throws Exception {
    for (String value : key.accepted) {
      Path file = Files.writeString(directory.resolve("n.yaml"), key.with(value));
      assertThatCode(() -> construct(ConfigurationFile.read(file)))
          .as(value)
          .doesNotThrowAnyException();
    }
  }

  private static void construct(Configuration configuration) {
    for (NetworkChoice network : configuration.networks()) {
      MacLimits _ = new MacLimits(network.macTableSize(), network.macsPerPort(), network.ageing());
    }
    for (TapChoice tap : configuration.taps()) {
      TapOptions _ =
          TapOptions.named(tap.name())
              .withQueues(tap.queues())
              .withMtu(tap.mtu())
              .inNamespace(tap.namespace());
    }
  }

  @ParameterizedTest
  @MethodSource("keys")
  void namesThePlaceAndTheRangeOfAnythingElse(Key key) throws Exception {
    for (String value : key.refused) {
      Path file = Files.writeString(directory.resolve("n.yaml"), key.with(value));
      StringWriter out = new StringWriter();
      StringWriter err = new StringWriter();
      int code =
          Main.execute(
              new PrintWriter(out), new PrintWriter(err, true), "run", "--config", file.toString());
      assertThat(code).as(value).isEqualTo(78);
      assertThat(err.toString())
          .as(value)
          .matches("netback: \\Q" + file + "\\E:[0-9]+:[0-9]+: [^\n]+\n")
          .contains(key.allowed)
          .hasSizeLessThan(1000);
    }
  }

  @Test
  void theSampleExplainsEveryKeyAndIsTaken() throws Exception {
    Path sample = Path.of("src/main/image/etc/netback.sample.yaml");
    assertThatCode(() -> construct(ConfigurationFile.read(sample))).doesNotThrowAnyException();
    List<String> lines = Files.readAllLines(sample);
    for (String key : ConfigurationFile.keys()) {
      assertThat(lines)
          .as(key)
          .anySatisfy(line -> assertThat(line).matches("[ -]*" + key + ":.* # .+"));
    }
    Set<String> known = ConfigurationFile.keys();
    assertThat(lines)
        .filteredOn(line -> !line.isBlank() && !line.startsWith("#"))
        .allSatisfy(line -> assertThat(known).contains(line.strip().replaceAll("^- |:.*", "")));
  }

  @Test
  void theImagesConfigurationAndTheReadmesAreTakenAndPointToTheSample() throws Exception {
    Path image = Path.of("src/main/image/etc/netback.yaml");
    assertThatCode(() -> construct(ConfigurationFile.read(image))).doesNotThrowAnyException();
    assertThat(image).content().contains("netback.sample.yaml");
    String readme = Files.readString(Path.of("../README.md"));
    assertThat(readme).contains("](daemon/src/main/image/etc/netback.sample.yaml)");
    int start = readme.indexOf("```yaml\n") + 8;
    String example = readme.substring(start, readme.indexOf("```", start));
    Path file = Files.writeString(directory.resolve("readme.yaml"), example);
    assertThatCode(() -> construct(ConfigurationFile.read(file))).doesNotThrowAnyException();
  }
}
