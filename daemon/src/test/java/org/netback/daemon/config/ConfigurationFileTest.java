package org.netback.daemon.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.netback.console.LogSettings;
import org.netback.console.Overflow;
import org.netback.daemon.config.Configuration.Dom0Choice;
import org.netback.daemon.config.Configuration.EmbeddedChoice;
import org.netback.daemon.config.Configuration.NetworkChoice;
import org.netback.daemon.config.Configuration.StaticEntry;
import org.netback.daemon.config.Configuration.TapChoice;
import org.netback.daemon.config.ConsoleSection.ConsoleChoice;
import org.netback.daemon.config.VifSection.VifChoice;
import org.netback.packet.MacAddress;
import org.netback.vswitch.MulticastPolicy;
import org.netback.vswitch.MulticastPolicy.Unregistered;

class ConfigurationFileTest {
  @TempDir Path directory = Path.of("");

  private static final Path DIRECTORY = Path.of("/etc/netback");

  private static Configuration parse(String text) throws ConfigurationException {
    return ConfigurationFile.parse("n.yaml", text, DIRECTORY);
  }

  @Test
  void readsEveryKey() throws Exception {
    Configuration configuration =
        parse(
            """
            ground:
              run: run
              apart: true
            control: /run/c.sock
            loops: 3
            linger-us: 7
            vifs: {max-queues: 4}
            consoles:
              primary: [web, db]
              devices: false
              overflow: keep
              events: 1000
              scrollback: 100
              pty: false
              tell-connection: true
              sockets: /run/netback/consoles
              log: /var/log/netback
              log-timestamps: true
              log-filter: false
              log-octets: 1000
              log-age: 24h
              log-files: 3
            networks:
              - name: lan
                mac-table-size: 100
                ageing: 5m
                macs-per-port: 10
                static:
                  - {mac: "02:00:00:00:00:01", port: vif1.0}
                multicast:
                  snooping: true
                  querier: false
                  fast-leave: true
                  unregistered: routers
                  query-interval: 60s
                  groups-per-port: 20
                  router-ports: [up0, vif1.0]
            taps:
              - {name: up0, network: lan, namespace: ns, queues: 2, mtu: 9000, persistent: true}
            """);
    assertThat(configuration)
        .isEqualTo(
            new Configuration(
                new EmbeddedChoice(Path.of("/etc/netback/run"), true),
                Path.of("/run/c.sock"),
                3,
                7,
                Sections.DEFAULTS
                    .with(VifSection.SECTION, new VifChoice(4))
                    .with(
                        ConsoleSection.SECTION,
                        new ConsoleChoice(
                            Optional.of(Set.of("web", "db")),
                            Optional.of(false),
                            Overflow.KEEP,
                            1000,
                            100,
                            false,
                            true,
                            Optional.of(Path.of("/run/netback/consoles")),
                            new LogSettings(
                                Optional.of(Path.of("/var/log/netback")),
                                true,
                                false,
                                1000,
                                Duration.ofHours(24),
                                3))),
                List.of(
                    new NetworkChoice(
                        "lan",
                        100,
                        Duration.ofMinutes(5),
                        10,
                        List.of(new StaticEntry(new MacAddress(0x020000000001L), "vif1.0")),
                        new MulticastPolicy(
                            true,
                            false,
                            true,
                            Unregistered.ROUTERS,
                            Duration.ofSeconds(60),
                            4096,
                            20,
                            List.of("up0", "vif1.0")))),
                List.of(new TapChoice("up0", "lan", "ns", 2, 9000, true))));
  }

  @Test
  void fillsInDefaults() throws Exception {
    Configuration configuration = parse("ground: {run: /r}\nnetworks: [{name: a}]\n");
    assertThat(configuration.controlSocket()).isEqualTo(Path.of("/r/control.sock"));
    assertThat(configuration.ground())
        .isInstanceOfSatisfying(
            EmbeddedChoice.class, ground -> assertThat(ground.apart()).isFalse());
    assertThat(configuration.networks())
        .containsExactly(new NetworkChoice("a", 8192, Duration.ofMinutes(5), 1024, List.of()));
  }

  @Test
  void standsOnXenWithTheControlSocketWhereTheCommandsLookForIt() throws Exception {
    Configuration configuration = parse("ground: {kind: dom0}\n");
    assertThat(configuration.ground()).isEqualTo(new Dom0Choice());
    assertThat(configuration.controlSocket()).isEqualTo(Path.of(RunDirectory.DEFAULT_CONTROL));
  }

  @Test
  void readsWhetherGuestsAreToBeKept() throws Exception {
    assertThat(StopRequest.read("request", "").keepGuests()).isFalse();
    assertThat(StopRequest.read("request", "{\"keepGuests\": true}").keepGuests()).isTrue();
    assertThatThrownBy(() -> StopRequest.read("request", "{\"keep\": true}"))
        .hasMessageContaining("unknown key \"keep\" in a request to stop");
  }

  /// `;` stands for a line break.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          networks: [] | n.yaml:1:1: "ground" is missing: {kind: dom0} on a Xen host, elsewhere {run: DIR}
          ground: {run: r};lops: 2 | n.yaml:2:1: unknown key "lops" in the configuration; did you mean "loops"? Allowed are ground, control, loops, linger-us, vifs, consoles, networks, taps
          ground:;  rnu: r | n.yaml:2:3: unknown key "rnu" in "ground"; did you mean "run"? Allowed are kind, run, apart
          ground: {kind: dom1} | n.yaml:1:16: "kind" is "dom1", but has to be dom0 or embedded
          ground: {kind: dom0, run: /r} | n.yaml:1:27: "run" is for the embedded ground; a ground of kind dom0 has Xen's own
          ground:;  apart: true | n.yaml:2:3: "ground" needs "run"
          ground: {run: r, apart: maybe} | n.yaml:1:25: "apart" is "maybe", but has to be true or false
          ground: {run: r};loops: 0 | n.yaml:2:8: "loops" is "0", but has to be a number from 1 to 64
          ground: {run: r};linger-us: 1001 | n.yaml:2:12: "linger-us" is "1001", but has to be a number from 0 to 1000
          ground: {run: r};loops: 2;loops: 3 | n.yaml:3:1: "loops" is given twice in the configuration
          ground: {run: r};networks: lan | n.yaml:2:11: "networks" is a list: begin each entry with "- "
          ground: {run: r};networks:;  - lan | n.yaml:3:5: a network is written as "key: value" lines; allowed are name, mac-table-size, ageing, macs-per-port, static, multicast
          ground: {run: r};networks:;  - name: a/b | n.yaml:3:11: "name" is "a/b", but has to be 1 to 63 letters, digits, dots, hyphens or underscores
          ground: {run: r};networks:;  - {name: a, ageing: 10} | n.yaml:3:23: "ageing" is "10", but has to be a time from 1s to 8760h, such as 300s, 5m or 1h
          ground: {run: r};networks:;  - {name: a, multicast: {snoop: true}} | n.yaml:3:27: unknown key "snoop" in "multicast"; Allowed are snooping, querier, fast-leave, unregistered, query-interval, groups-per-port, router-ports
          ground: {run: r};networks:;  - {name: a, multicast: {unregistered: no}} | n.yaml:3:41: "unregistered" is "no", but has to be flood, routers or routers-and-nd
          ground: {run: r};networks:;  - {name: a, multicast: {query-interval: 1s}} | n.yaml:3:43: "query-interval" is "1s", but has to be a time from 2s to 8h, such as 300s, 5m or 1h
          ground: {run: r};networks:;  - {name: a, multicast: {router-ports: up0}} | n.yaml:3:41: "router-ports" is a list of words: [a, b]
          ground: {run: r};networks:;  - name: a;  - name: a | n.yaml:4:11: network "a" is there twice
          ground: {run: r};networks:;  - name: a;    static: [{mac: "00:00:00:00:00:00", port: p}] | n.yaml:4:20: "mac" is 00:00:00:00:00:00, which no station has
          ground: {run: r};networks:;  - name: a;    static:;    - {mac: "02:00:00:00:00:0a", port: p};    - {port: q, mac: "02:00:00:00:00:0A"} | n.yaml:6:22: 02:00:00:00:00:0a is there twice in network "a", at first in line 5
          ground: {run: r};taps: [{name: t, network: a}, {name: t, network: a}];networks: [{name: a}] | n.yaml:2:38: tap "t" is there twice
          ground: {run: r};networks:;  - name: a;    static: [{mac: "1:2", port: p}] | n.yaml:4:20: "mac" is not a MAC address (aa:bb:cc:dd:ee:ff): "1:2"
          ground: {run: r};networks:;  - name: a;    static: [{mac: "ff:ff:ff:ff:ff:ff", port: p}] | n.yaml:4:20: "mac" is the group address ff:ff:ff:ff:ff:ff, not one station's
          ground: {run: r};networks: [{name: lan}];taps: [{name: t0, network: lam}] | n.yaml:3:28: there is no network "lam"; did you mean "lan"?
          ground: {run: r};taps: [{name: much-too-long-name, network: lan}] | n.yaml:2:15: "name" is "much-too-long-name", but has to be an interface name: 1 to 15 letters, digits, . _ or -
          ground: [a | n.yaml:1:11: not YAML: expected ',' or ']', but got <stream end>
          # nothing | n.yaml:1:1: empty; allowed are ground, control, loops, linger-us, vifs, consoles, networks, taps
          """)
  void namesLineAndRemedyOf(String text, String message) {
    assertThatThrownBy(() -> parse(text.replace(';', '\n')))
        .isInstanceOf(ConfigurationException.class)
        .hasMessage(message);
  }

  private static void refuses(Path file, String message) {
    assertThatThrownBy(() -> ConfigurationFile.read(file))
        .isInstanceOf(ConfigurationException.class)
        .hasMessage(file + message);
  }

  private Path file(String text) throws IOException {
    return Files.writeString(directory.resolve("n.yaml"), text);
  }

  @Test
  void namesAFileThatIsNotThere() throws Exception {
    refuses(directory.resolve("n.yaml"), ": there is no such file");
    Path dangling = Files.createSymbolicLink(directory.resolve("link"), Path.of("nowhere"));
    refuses(dangling, ": there is no such file");
  }

  @Test
  void saysWhatIsNoFile() throws Exception {
    refuses(directory, ": this is a directory, not a file");
    Path fifo = directory.resolve("fifo");
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor()).isZero();
    String other = ": this is a device, a FIFO or a socket, not a regular file";
    refuses(fifo, other);
    refuses(Path.of("/dev/zero"), other);
    refuses(Path.of("/dev/null"), other);
    assertThat(ConfigurationText.reason(new AccessDeniedException("/etc/n.yaml")))
        .isEqualTo("permission denied: this user may not read it");
  }

  @Test
  void refusesAFileThatIsTooLongWithoutReadingIt() throws Exception {
    Path file = directory.resolve("n.yaml");
    try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.setLength(1L << 30);
    }
    refuses(file, ": longer than 1048576 octets");
    refuses(file("#" + "x".repeat(1 << 20)), ": longer than 1048576 octets");
    file("ground: {run: r}\n#" + "x".repeat((1 << 20) - 18));
    assertThat(ConfigurationFile.read(file).networks()).isEmpty();
  }

  @Test
  void pointsAtWhatIsNotUtf8() throws Exception {
    Path file = directory.resolve("n.yaml");
    Files.write(file, "ground: {run: r}\n# é\n# naïve\n".getBytes(StandardCharsets.ISO_8859_1));
    refuses(
        file, ":2:3: octet 0xe9 at offset 19 is not UTF-8, in which a configuration is written");
    Files.write(file, "ground: {run: r}\n".getBytes(StandardCharsets.UTF_16LE));
    refuses(file, ":1:2: not YAML: character U+0000 has no place in it");
    Files.write(file, new byte[] {'a', (byte) 0xc3});
    refuses(file, ":1:2: octet 0xc3 at offset 1 is not UTF-8, in which a configuration is written");
    Files.write(file, new byte[] {'\n', (byte) 0xc3, (byte) 0xa4, (byte) 0xff});
    refuses(file, ":2:2: octet 0xff at offset 3 is not UTF-8, in which a configuration is written");
  }

  @Test
  void passesOverAByteOrderMark() throws Exception {
    assertThat(ConfigurationFile.read(file("\ufeffground: {run: r}\n")).networks()).isEmpty();
    refuses(
        file("\ufefflops: 1\n"),
        ":1:1: unknown key \"lops\" in the configuration; did you mean \"loops\"? Allowed are"
            + " ground, control, loops, linger-us, vifs, consoles, networks, taps");
  }

  @Test
  void pointsAtCharactersThatYamlDoesNotKnow() throws Exception {
    refuses(file("a: b\nc\0"), ":2:2: not YAML: character U+0000 has no place in it");
    refuses(
        file("ground: {run: \u001b[1m}"), ":1:15: not YAML: character U+001B has no place in it");
    assertThatThrownBy(() -> ConfigurationFile.read(file("ground:\n\trun: r\n")))
        .hasMessageStartingWith(directory.resolve("n.yaml") + ":2:1: not YAML: ")
        .hasMessageContaining("TAB");
  }

  @Test
  void hasRoomForAnchorsButNotForBombs() throws Exception {
    assertThat(
            ConfigurationFile.read(
                    file(
                        """
                        ground: {run: r}
                        networks:
                          - {name: a, multicast: &mc {snooping: false}}
                          - {name: b, multicast: *mc}
                        """))
                .networks())
        .hasSize(2);
    StringBuilder bomb = new StringBuilder("a0: &a0 [x, x]\n");
    for (int i = 1; i < 30; i++) {
      bomb.append("a%d: &a%d [*a%d, *a%d]\n".formatted(i, i, i - 1, i - 1));
    }
    assertThatThrownBy(() -> ConfigurationFile.read(file(bomb.toString())))
        .hasMessage(directory.resolve("n.yaml") + ":27:12: not YAML: more than 50 aliases");
    refuses(file("a: *b\n"), ":1:4: not YAML: found undefined alias b");
    assertThatThrownBy(() -> ConfigurationFile.read(file("ground: &g {run: *g}")))
        .hasMessageStartingWith(directory.resolve("n.yaml") + ":1:9: \"run\" is a mapping");
  }

  @Test
  void isNotNestedWithoutEnd() throws Exception {
    refuses(file("[".repeat(500_000)), ":1:17: not YAML: nested deeper than 16");
    refuses(file("- ".repeat(500_000)), ":1:33: not YAML: nested deeper than 16");
    refuses(file("{a: ".repeat(200_000)), ":1:65: not YAML: nested deeper than 16");
  }

  @Test
  void isOneDocument() throws Exception {
    assertThatThrownBy(
            () -> ConfigurationFile.read(file("ground: {run: r}\n---\nground: {run: s}\n")))
        .hasMessageStartingWith(directory.resolve("n.yaml") + ":2:1: not YAML: but found another");
    refuses(
        file(""),
        ":1:1: empty; allowed are ground, control, loops, linger-us, vifs, consoles, networks,"
            + " taps");
    assertThat(ConfigurationFile.read(file("---\nground: {run: r}\n...\n")).networks()).isEmpty();
  }

  @Test
  void showsAValueOnOneShortLine() throws Exception {
    assertThatThrownBy(
            () ->
                ConfigurationFile.read(
                    file("ground: {run: r}\nloops: \"a\\nb" + "x".repeat(500) + '"')))
        .hasMessage(
            directory.resolve("n.yaml")
                + ":2:8: \"loops\" is \"a?b"
                + "x".repeat(57)
                + "…\", but has to be a number from 1 to 64");
  }
}
