package org.netback.benchmarks;

import java.io.IOException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What the programs in C say of a run.
///
/// @param frames that arrived
/// @param guestNanos CPU time of the guests' thread per frame
/// @param backendNanos the same of C's backend, 0 where there is none
/// @param sent frames
/// @param lost frames, by their sequence numbers
/// @param leaked frames that came to a guest outside the group
/// @param notified how often the backend was
/// @param p50 µs that a frame was under way, if there was never more than one; 0 otherwise
record Report(
    long frames,
    double seconds,
    double guestNanos,
    double backendNanos,
    long sent,
    long lost,
    long leaked,
    long notified,
    double p50,
    double p99) {
  static Report parse(String line) throws IOException {
    return new Report(
        (long) field(line, "frames"),
        field(line, "seconds"),
        field(line, "guest_ns"),
        line.contains("backend_ns") ? field(line, "backend_ns") : 0,
        (long) field(line, "sent"),
        (long) field(line, "lost"),
        (long) field(line, "leaked"),
        (long) field(line, "notified"),
        field(line, "p50"),
        field(line, "p99"));
  }

  double perSecond() {
    return frames / seconds;
  }

  /// How much of the time the guests' thread ran: where it never sleeps, what is missing to 1 was
  /// taken by other load.
  double guestShare() {
    return guestNanos * frames / seconds / 1e9;
  }

  private static double field(String line, String name) throws IOException {
    Matcher field = Pattern.compile('"' + name + "\": (-?[0-9.]+)").matcher(line);
    if (!field.find()) {
      throw new IOException("no " + name + " in what the guests say: " + line);
    }
    return Double.parseDouble(field.group(1));
  }
}
