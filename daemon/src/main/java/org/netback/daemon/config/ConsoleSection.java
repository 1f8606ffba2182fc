package org.netback.daemon.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.netback.console.ConsoleSettings;
import org.netback.console.LogSettings;
import org.netback.console.Overflow;

/// Reads what concerns guests' consoles: the file's `consoles`.
public final class ConsoleSection {
  private static final List<String> KEYS =
      List.of(
          "primary",
          "devices",
          "overflow",
          "events",
          "scrollback",
          "pty",
          "tell-connection",
          "sockets",
          "log",
          "log-timestamps",
          "log-filter",
          "log-octets",
          "log-age",
          "log-files");

  private static final Pattern GUEST = Pattern.compile("[^/\\p{Cntrl}]{1,100}");
  private static final Pattern ABSOLUTE = Pattern.compile("/.{0,4000}");
  private static final Pattern OVERFLOW = Pattern.compile("keep|discard");
  private static final int SCROLLBACK = 64 * 1024;

  /// The file's part.
  public static final Section<ConsoleChoice> SECTION =
      new Section<>(
          "consoles",
          ConsoleChoice.class,
          KEYS,
          new ConsoleChoice(
              Optional.empty(),
              Optional.empty(),
              Overflow.DISCARD,
              ConsoleSettings.USUAL_EVENTS,
              SCROLLBACK,
              true,
              false,
              Optional.empty(),
              LogSettings.NONE),
          ConsoleSection::read);

  private ConsoleSection() {}

  /// How consoles are served.
  ///
  /// @param primary whose primary consoles: guests' names, or "*"; empty for what the ground says:
  ///   nobody's where there is an xenconsoled, all without Xen
  /// @param devices whether consoles 1 to N are served; empty likewise, since QEMU serves them on a
  ///   Xen host
  /// @param events looks that a guest has in 200 ms
  /// @param sockets a directory, in which each console has a socket
  public record ConsoleChoice(
      Optional<Set<String>> primary,
      Optional<Boolean> devices,
      Overflow overflow,
      int events,
      int scrollback,
      boolean pty,
      boolean tellsConnection,
      Optional<Path> sockets,
      LogSettings log) {}

  private static ConsoleChoice read(YamlMap map) throws ConfigurationException {
    return new ConsoleChoice(
        map.has("primary")
            ? Optional.of(Set.copyOf(map.texts("primary", GUEST, "a guest's name, or *")))
            : Optional.empty(),
        map.has("devices") ? Optional.of(map.flag("devices", true)) : Optional.empty(),
        map.has("overflow") && map.text("overflow", OVERFLOW, "keep or discard").equals("keep")
            ? Overflow.KEEP
            : Overflow.DISCARD,
        map.integer("events", 1, 1_000_000, ConsoleSettings.USUAL_EVENTS),
        map.integer("scrollback", 1, 1 << 24, SCROLLBACK),
        map.flag("pty", true),
        map.flag("tell-connection", false),
        directory(map, "sockets"),
        log(map));
  }

  private static Optional<Path> directory(YamlMap map, String key) throws ConfigurationException {
    return map.has(key)
        ? Optional.of(Path.of(map.text(key, ABSOLUTE, "an absolute path")))
        : Optional.empty();
  }

  private static LogSettings log(YamlMap map) throws ConfigurationException {
    return new LogSettings(
        directory(map, "log"),
        map.flag("log-timestamps", false),
        map.flag("log-filter", true),
        map.integer("log-octets", 0, Integer.MAX_VALUE, 0),
        map.has("log-age")
            ? map.duration("log-age", Duration.ofMinutes(1), Duration.ofDays(365), Duration.ZERO)
            : Duration.ZERO,
        map.integer("log-files", 0, 1000, 5));
  }
}
