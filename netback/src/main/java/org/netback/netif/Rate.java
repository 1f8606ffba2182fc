package org.netback.netif;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// So many octets in so many microseconds, as the `rate` node of a vif's backend directory says it.
///
/// @param octets at least 1
/// @param micros at least 1
public record Rate(long octets, long micros) {
  /// No limit.
  public static final Rate UNLIMITED = new Rate(Long.MAX_VALUE, 1);

  private static final Pattern NODE = Pattern.compile("([0-9]{1,15}),([0-9]{1,15})");

  /// What xl.cfg takes as a vif's rate: `10Mb/s`, `250KB/s`, `1MB/s@20ms`.
  private static final Pattern WRITTEN =
      Pattern.compile("([0-9]{1,9})([KMG]?)([Bb])/s(?:@([0-9]{1,6})(us|ms|s))?");

  /// xl's interval where none is given.
  private static final long USUAL_MICROS = 50_000;

  public Rate {
    if (octets < 1 || micros < 1) {
      throw new IllegalArgumentException(octets + " octets in " + micros + " us is no rate");
    }
  }

  /// Reads the node's text, "bytes,usec"; empty if it is something else, or a rate of nothing.
  static Optional<Rate> ofNode(String text) {
    Matcher matcher = NODE.matcher(text);
    if (!matcher.matches()) {
      return Optional.empty();
    }
    long octets = Long.parseLong(matcher.group(1));
    long micros = Long.parseLong(matcher.group(2));
    return octets == 0 || micros == 0 ? Optional.empty() : Optional.of(new Rate(octets, micros));
  }

  /// Reads a rate as people write it, or `none`.
  ///
  /// @throws IllegalArgumentException says what is allowed
  public static Rate parse(String text) {
    if (text.equals("none")) {
      return UNLIMITED;
    }
    Matcher matcher = WRITTEN.matcher(text);
    if (matcher.matches()) {
      long perSecond = Long.parseLong(matcher.group(1));
      perSecond *=
          switch (matcher.group(2)) {
            case "K" -> 1000;
            case "M" -> 1_000_000;
            case "G" -> 1_000_000_000;
            default -> 1;
          };
      if (matcher.group(3).equals("b")) {
        perSecond /= 8;
      }
      long micros = USUAL_MICROS;
      if (matcher.group(4) != null) {
        micros =
            Long.parseLong(matcher.group(4))
                * switch (matcher.group(5)) {
                  case "us" -> 1;
                  case "ms" -> 1000;
                  default -> 1_000_000;
                };
      }
      long octets = Math.round((double) perSecond * micros / 1_000_000);
      if (octets > 0 && micros > 0) {
        return new Rate(octets, micros);
      }
    }
    throw new IllegalArgumentException(
        "\"" + text + "\" is no rate: write 10Mb/s, 250KB/s, 1MB/s@20ms or none");
  }

  public boolean isUnlimited() {
    return octets == Long.MAX_VALUE;
  }

  double nanosPerOctet() {
    return micros * 1000.0 / octets;
  }

  /// The node's text.
  public String node() {
    return octets + "," + micros;
  }

  /// For people: bits in a second.
  @Override
  public String toString() {
    if (isUnlimited()) {
      return "none";
    }
    double bits = octets * 8e6 / micros;
    String unit = "";
    for (String larger : new String[] {"K", "M", "G"}) {
      if (bits >= 1000) {
        bits /= 1000;
        unit = larger;
      }
    }
    String number = bits == Math.rint(bits) ? Long.toString((long) bits) : "%.3f".formatted(bits);
    return number + unit + "b/s";
  }
}
