package org.netback.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class InvocationTest {
  private static Invocation parse(String... line) {
    return Invocation.parse(List.of(line));
  }

  private static String complaint(String... line) {
    UserError error = catchThrowableOfType(UserError.class, () -> parse(line));
    assertThat(error.exitCode()).isEqualTo(UserError.USAGE);
    return String.valueOf(error.getMessage());
  }

  @Test
  void takesOptionsAnywhereAfterTheCommandAndInBothForms() {
    Invocation rate =
        parse("vif", "rate", "--control=/c", "vif1.0", "--to-guest", "10Mb/s", "--json");
    assertThat(rate.verb()).isEqualTo(VifQuery.RATE);
    assertThat(rate.arguments()).containsExactly("vif1.0");
    assertThat(rate.text("--control")).isEqualTo("/c");
    assertThat(rate.value("--to-guest")).contains("10Mb/s");
    assertThat(rate.value("--from-guest")).isEmpty();
    assertThat(rate.has("--json")).isTrue();
  }

  @Test
  void fallsBackToWhatTheHelpSays() {
    Invocation status = parse("status");
    assertThat(status.text("--control")).isEqualTo("/run/netback/control.sock");
    assertThat(status.seconds("--timeout")).isEqualTo(Duration.ofSeconds(5));
    assertThat(status.has("--json")).isFalse();
    assertThat(parse("stop").seconds("--wait")).isEqualTo(Duration.ofSeconds(60));
  }

  /// In the locale C that is every name beyond ASCII; anywhere it is one with a NUL.
  @Test
  void saysThatAPathIsNone() {
    assertThat(parse("status", "--control", "/a").path("--control")).isEqualTo(Path.of("/a"));
    Invocation status = parse("status", "--control", "/a\0b");
    UserError error = catchThrowableOfType(UserError.class, () -> status.path("--control"));
    assertThat(error.exitCode()).isEqualTo(UserError.USAGE);
    assertThat(error)
        .hasMessageContaining("--control is no path (Nul character not allowed)")
        .hasMessageContaining("LC_ALL=C.UTF-8");
  }

  @Test
  void takesEverythingAfterTwoDashesAsItIs() {
    assertThat(parse("vif", "show", "--", "--help").arguments()).containsExactly("--help");
  }

  @ParameterizedTest
  @CsvSource({
    "--help, HELP",
    "-h, HELP",
    "vif list --help, HELP",
    "vif -h, HELP",
    "run --help, HELP",
    "no such -h, HELP",
    "help vif show, HELP",
    "--version, VERSION",
    "-V, VERSION",
    "version, VERSION"
  })
  void asksForHelpAndVersion(String line, DaemonQuery verb) {
    assertThat(parse(line.split(" ", -1)).verb()).isEqualTo(verb);
  }

  @Test
  void saysWhatWasMeant() {
    assertThat(complaint("stauts"))
        .isEqualTo("unknown command \"stauts\"; did you mean \"status\"?");
    assertThat(complaint("vif", "lst"))
        .isEqualTo("unknown command \"vif lst\"; did you mean \"vif list\"?");
    assertThat(complaint("fdb", "--json"))
        .isEqualTo("unknown option \"fdb --json\": choose from show");
    assertThat(complaint("status", "--cnotrol", "x")).contains("did you mean --control?");
    assertThat(complaint("status", "--colour"))
        .isEqualTo(
            "unknown option --colour: choose from --json, --control, --timeout; \"netback status"
                + " --help\" tells how it is written");
  }

  @Test
  void keepsQuietAboutCommandsForItself() {
    assertThat(complaint("frobnicate"))
        .contains("run, stop, ground, guest, demo, status, vif, console, fdb, mcast, port")
        .doesNotContain("rehearse", "socket-transfer");
    assertThat(complaint("reherse")).doesNotContain("rehearse\"?");
  }

  @Test
  void saysHowACommandGoesOn() {
    assertThat(complaint("vif")).isEqualTo("\"netback vif\" goes on with list, show, rate");
    assertThat(complaint()).contains("netback --help");
  }

  @Test
  void saysWhatIsMissingOrTooMuch() {
    assertThat(complaint("run")).startsWith("--config FILE is missing");
    assertThat(complaint("vif", "show")).startsWith("ID is missing");
    assertThat(complaint("vif", "show", "")).startsWith("ID is empty");
    assertThat(complaint("vif", "show", "a", "b")).startsWith("there is one argument too many: b");
    assertThat(complaint("status", "x")).startsWith("there is one argument too many: x");
    assertThat(complaint("status", "--control")).startsWith("--control takes a value");
    assertThat(complaint("status", "--control", "--json")).startsWith("--control takes a value");
    assertThat(complaint("status", "--control=")).startsWith("--control takes a value");
    assertThat(complaint("status", "--control", "")).startsWith("--control takes a value");
    assertThat(complaint("status", "--json=yes")).startsWith("--json takes no value");
    assertThat(complaint("status", "--json", "--json")).startsWith("--json is given twice");
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "-1", "x", "5d", "5s", "NaN", "1e9", "86400.5", "Infinity", " "})
  void refusesATimeThatIsNone(String seconds) {
    Invocation status = parse("status", "--timeout", seconds);
    assertThat(catchThrowableOfType(UserError.class, () -> status.seconds("--timeout")))
        .hasMessageStartingWith(
            "--timeout is \"" + seconds + "\", but has to be seconds, 0.001 to 86400")
        .extracting(UserError::exitCode)
        .isEqualTo(UserError.USAGE);
  }

  @Test
  void takesFractionsOfSeconds() {
    assertThat(parse("status", "--timeout", "0.25").seconds("--timeout"))
        .isEqualTo(Duration.ofMillis(250));
  }

  @Test
  void boundsNumbers() {
    Invocation demo = parse("demo", "--seconds", "0");
    assertThat(catchThrowableOfType(UserError.class, () -> demo.number("--seconds", 1, 3600)))
        .hasMessageStartingWith("--seconds is \"0\", but has to be 1 to 3600");
  }

  private static List<Verb> verbs() {
    return Verb.all();
  }

  @Test
  void everyCommandIsListed() {
    List<Verb> declared = new ArrayList<>();
    declared.addAll(List.of(ServerVerb.values()));
    declared.addAll(List.of(DaemonQuery.values()));
    declared.addAll(List.of(VifQuery.values()));
    declared.addAll(List.of(ConsoleQuery.values()));
    declared.addAll(List.of(SwitchQuery.values()));
    declared.addAll(List.of(CaptureQuery.values()));
    assertThat(Verb.all()).containsExactlyInAnyOrderElementsOf(declared);
  }

  @ParameterizedTest
  @MethodSource("verbs")
  void everyCommandHasAHelpOfItsOwnUnlessItIsHidden(Verb verb) {
    if (verb.isHidden()) {
      assertThat(catchThrowableOfType(UserError.class, () -> Help.about(verb.words())))
          .extracting(UserError::exitCode)
          .isEqualTo(UserError.USAGE);
    } else {
      assertThat(Help.about(verb.words()))
          .startsWith("Usage: netback " + verb.phrase())
          .satisfies(
              help ->
                  assertThat(verb.options().stream().map(Option::form))
                      .allSatisfy(form -> assertThat(help).contains(form)));
      assertThat(Help.about(List.of())).contains("\n  " + verb.phrase());
    }
  }

  @Test
  void helpFitsATerminal() {
    assertThat(
            Verb.all().stream()
                .filter(verb -> !verb.isHidden())
                .map(verb -> Help.about(verb.words()))
                .flatMap(String::lines))
        .allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(92));
  }

  @Test
  void helpOnSeveralCommandsListsThem() {
    assertThat(Help.about(List.of("vif"))).contains("vif list", "vif show ID", "vif rate ID");
  }

  @Test
  void aCommandMayBeCompleteWhileOthersGoOn() {
    assertThat(parse("capture", "vif1.0").verb()).isEqualTo(CaptureQuery.CAPTURE);
    assertThat(parse("capture", "-c", "5", "all").arguments()).containsExactly("all");
    assertThat(parse("capture", "list").verb()).isEqualTo(CaptureQuery.LIST);
    assertThat(parse("capture", "stop", "3").arguments()).containsExactly("3");
    assertThat(complaint("capture")).contains("TARGET is missing");
    assertThat(Help.about(List.of("capture")))
        .startsWith("Usage: netback capture TARGET ")
        .contains("  -f EXPRESSION ", "\n  capture list ");
  }

  @Test
  void findsTheWordThatWasMeant() {
    List<String> words = List.of("loops", "networks");
    assertThat(Spelling.nearest("lops", words)).isEqualTo(Optional.of("loops"));
    assertThat(Spelling.nearest("nework", words)).isEqualTo(Optional.of("networks"));
    assertThat(Spelling.nearest("colour", words)).isEmpty();
  }
}
