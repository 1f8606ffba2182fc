package org.netback.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConsoleLogTest {
  @TempDir private Path directory;
  private final List<String> complaints = new ArrayList<>();
  private Instant now = Instant.parse("2026-11-28T00:00:00Z");

  private ConsoleLog log(LogSettings settings) {
    return new ConsoleLog(settings, "guest-web", () -> now, ZoneOffset.UTC, complaints::add);
  }

  private LogSettings settings(boolean timestamps, long maxOctets, Duration maxAge, int kept) {
    return new LogSettings(Optional.of(directory), timestamps, true, maxOctets, maxAge, kept);
  }

  private static void write(ConsoleLog log, String text) {
    byte[] octets = text.getBytes(StandardCharsets.UTF_8);
    log.write(octets, octets.length);
  }

  private String read(String name) throws IOException {
    return Files.readString(directory.resolve(name));
  }

  @Test
  void appendsAcrossLives() throws IOException {
    try (ConsoleLog log = log(settings(false, 0, Duration.ZERO, 0))) {
      write(log, "one\n");
    }
    try (ConsoleLog log = log(settings(false, 0, Duration.ZERO, 0))) {
      write(log, "two\n");
    }
    assertThat(read("guest-web.log")).isEqualTo("one\ntwo\n");
  }

  @Test
  void stampsEachLineOnceHoweverItIsCut() throws IOException {
    try (ConsoleLog log = log(settings(true, 0, Duration.ZERO, 0))) {
      write(log, "on");
      now = now.plusSeconds(1);
      write(log, "e\ntwo\n\nth");
      now = now.plusSeconds(1);
      write(log, "ree\n");
    }
    assertThat(read("guest-web.log"))
        .isEqualTo(
            """
            [2026-11-28 00:00:00] one
            [2026-11-28 00:00:01] two
            [2026-11-28 00:00:01]\s
            [2026-11-28 00:00:01] three
            """);
  }

  @Test
  void takesSequencesOutUnlessToldOtherwise() throws IOException {
    try (ConsoleLog log = log(settings(false, 0, Duration.ZERO, 0))) {
      write(log, "\033[31mred\033]0;x\007");
    }
    assertThat(read("guest-web.log")).isEqualTo("red");
    try (ConsoleLog log =
        log(new LogSettings(Optional.of(directory), false, false, 0, Duration.ZERO, 0))) {
      write(log, "\033[0m");
    }
    assertThat(read("guest-web.log")).isEqualTo("red\033[0m");
  }

  @Test
  void movesALargeFileAwayAndKeepsAsManyAsItShould() throws IOException {
    try (ConsoleLog log = log(settings(false, 4, Duration.ZERO, 2))) {
      for (String text : List.of("1111", "22", "22", "3333", "4444", "5")) {
        write(log, text);
      }
    }
    assertThat(read("guest-web.log")).isEqualTo("5");
    assertThat(read("guest-web.log.1")).isEqualTo("4444");
    assertThat(read("guest-web.log.2")).isEqualTo("3333");
    assertThat(directory.resolve("guest-web.log.3")).doesNotExist();
    assertThat(complaints).isEmpty();
  }

  @Test
  void keepsNoneIfItShould() throws IOException {
    try (ConsoleLog log = log(settings(false, 4, Duration.ZERO, 0))) {
      write(log, "1111");
      write(log, "22");
    }
    assertThat(read("guest-web.log")).isEqualTo("22");
    try (var files = Files.list(directory)) {
      assertThat(files).hasSize(1);
    }
  }

  @Test
  void movesAnOldFileAway() throws IOException {
    try (ConsoleLog log = log(settings(false, 0, Duration.ofDays(1), 1))) {
      write(log, "yesterday");
      now = now.plus(Duration.ofDays(1)).minusSeconds(1);
      write(log, "!");
      now = now.plusSeconds(1);
      write(log, "today");
    }
    assertThat(read("guest-web.log.1")).isEqualTo("yesterday!");
    assertThat(read("guest-web.log")).isEqualTo("today");
  }

  @Test
  void writesToAMovedFileUntilItIsToldToReopen() throws IOException {
    try (ConsoleLog log = log(settings(false, 0, Duration.ZERO, 0))) {
      write(log, "one");
      Files.move(directory.resolve("guest-web.log"), directory.resolve("moved"));
      write(log, "two");
      log.reopen();
      write(log, "three");
    }
    assertThat(read("moved")).isEqualTo("onetwo");
    assertThat(read("guest-web.log")).isEqualTo("three");
  }

  @Test
  void growsOnWhenItCannotBeMovedAway() throws IOException {
    Path inTheWay = Files.createDirectories(directory.resolve("guest-web.log.1/full"));
    try (ConsoleLog log = log(settings(false, 4, Duration.ZERO, 1))) {
      write(log, "1111");
      write(log, "2222");
      write(log, "3333");
      assertThat(read("guest-web.log")).isEqualTo("111122223333");
      assertThat(complaints)
          .singleElement()
          .isEqualTo(
              directory.resolve("guest-web.log")
                  + " cannot be moved away: "
                  + inTheWay.getParent()
                  + " is a directory");
      Files.delete(inTheWay);
      now = now.plusSeconds(10);
      write(log, "4444");
    }
    assertThat(read("guest-web.log.1")).isEqualTo("111122223333");
    assertThat(read("guest-web.log")).isEqualTo("4444");
  }

  @Test
  void saysHowMuchIsMissingWhenItCanWriteAgain() throws IOException {
    Path blocked = directory.resolve("blocked");
    Files.writeString(blocked, "no directory");
    LogSettings settings = new LogSettings(Optional.of(blocked), false, true, 0, Duration.ZERO, 0);
    try (ConsoleLog log = log(settings)) {
      write(log, "lost");
      write(log, "lost too");
      assertThat(complaints)
          .singleElement()
          .asString()
          .isEqualTo(
              blocked.resolve("guest-web.log")
                  + " cannot be written: "
                  + blocked
                  + " is no directory");
      Files.delete(blocked);
      write(log, "!");
      assertThat(blocked).doesNotExist();
      now = now.plusSeconds(10);
      write(log, "again\n");
    }
    assertThat(read("blocked/guest-web.log")).isEqualTo("[13 octets are missing here]\nagain\n");
  }

  @Test
  void writesNothingWithoutADirectory() throws IOException {
    try (ConsoleLog log = log(LogSettings.NONE)) {
      write(log, "nothing");
      log.reopen();
    }
    try (var files = Files.list(directory)) {
      assertThat(files).isEmpty();
    }
  }

  @Test
  void saysHowMuchIsMissingAfterADiskThatWasFullForLong() throws IOException {
    Path file = directory.resolve("guest-web.log");
    Files.createSymbolicLink(file, Path.of("/dev/full"));
    try (ConsoleLog log = log(settings(false, 0, Duration.ZERO, 0))) {
      for (int i = 0; i < 3; i++) {
        write(log, "0123456789");
        now = now.plusSeconds(10);
      }
      Files.delete(file);
      write(log, "there");
    }
    assertThat(read("guest-web.log")).isEqualTo("[30 octets are missing here]\nthere");
  }
}
