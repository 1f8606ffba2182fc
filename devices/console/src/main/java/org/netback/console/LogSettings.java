package org.netback.console;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/// How guests' output is logged.
///
/// @param directory of the files, `guest-<name>.log` each; empty for no logs
/// @param timestamps whether each line begins with the time
/// @param filtered whether control sequences are taken out
/// @param maxOctets a file that has grown to this is moved away; 0 for no such bound
/// @param maxAge a file that has been written to for this long is moved away; zero for no such
///   bound
/// @param kept files that were moved away and are kept, `.1` the newest
public record LogSettings(
    Optional<Path> directory,
    boolean timestamps,
    boolean filtered,
    long maxOctets,
    Duration maxAge,
    int kept) {
  /// No logs.
  public static final LogSettings NONE =
      new LogSettings(Optional.empty(), false, true, 0, Duration.ZERO, 0);

  public LogSettings {
    if (maxOctets < 0 || maxAge.isNegative() || kept < 0) {
      throw new IllegalArgumentException(
          "log of " + maxOctets + " octets, " + maxAge + ", " + kept + " kept");
    }
  }
}
