package org.netback.netif;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// So many octets in so many microseconds, as the `rate` node of a vif's backend directory says it.
///
/// Written by people it has the form of xl.cfg (xl-network-configuration(5), "rate";
/// tools/libs/util/libxlu_vif.c): a number, `K`, `M`, `G` (powers of 1000) or nothing, `b/s` or
/// `B/s`; then, if the interval is not 50 ms, `@`, a number, and `us`, `ms`, `s`, or for short `u`,
/// `m` and nothing. Case counts. Numbers are 1 to 4294967295, octal if they begin with 0, as xl
/// takes them. Bits become octets, and a second's octets an interval's, without their fractions.
///
/// Two differences: a rate that comes to no octet in its interval is refused, where xl makes a vif
/// that never sends; and `018Mb/s`, of which xl takes the 1 alone, is.
///
/// @param octets 1 to [#MOST_OCTETS]
/// @param micros 1 to [#MOST_MICROS]
public record Rate(long octets, long micros) {
  /// More than any rate that xl writes comes to.
  public static final long MOST_OCTETS = 999_999_999_999_999L;

  /// Some 71 minutes: what fits in libxl's 32 bits.
  public static final long MOST_MICROS = 0xffff_ffffL;

  /// No limit.
  public static final Rate UNLIMITED = new Rate(Long.MAX_VALUE, 1);

  private static final Pattern NODE = Pattern.compile("([0-9]{1,15}),([0-9]{1,10})");

  private static final Pattern WRITTEN =
      Pattern.compile("([0-9]+)([KMG]?)([Bb])/s(?:@([0-9]+)(us?|ms?|s?))?");

  /// The most that xl takes as a number before its unit.
  private static final long MOST_NUMBER = 0xffff_ffffL;

  /// xl's interval where none is given.
  private static final long USUAL_MICROS = 50_000;

  public Rate {
    boolean unlimited = octets == Long.MAX_VALUE && micros == 1;
    if (!unlimited && (octets < 1 || octets > MOST_OCTETS || micros < 1 || micros > MOST_MICROS)) {
      throw new IllegalArgumentException(octets + " octets in " + micros + " us is no rate");
    }
  }

  /// What a node's text has to be, for messages.
  static String nodeForm() {
    return "\"octets,microseconds\", 1 to " + MOST_OCTETS + " and 1 to " + MOST_MICROS;
  }

  /// Reads the node's text; empty if it is not of [#nodeForm].
  static Optional<Rate> ofNode(String text) {
    Matcher matcher = NODE.matcher(text);
    if (!matcher.matches()) {
      return Optional.empty();
    }
    long octets = Long.parseLong(matcher.group(1));
    long micros = Long.parseLong(matcher.group(2));
    return octets == 0 || micros == 0 || micros > MOST_MICROS
        ? Optional.empty()
        : Optional.of(new Rate(octets, micros));
  }

  /// Reads a rate as people write it, or `none`.
  ///
  /// @throws IllegalArgumentException begins with the text, says which part is wrong, and what is
  ///   allowed
  public static Rate parse(String text) {
    if (text.equals("none")) {
      return UNLIMITED;
    }
    Matcher matcher = WRITTEN.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          '"' + text + "\", which is no rate: write 10Mb/s, 250KB/s, 1MB/s@20ms or none");
    }
    long perSecond = number(text, "the rate", matcher.group(1));
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
      micros = number(text, "the interval", matcher.group(4)) * microsPer(matcher.group(5));
      if (micros > MOST_MICROS) {
        throw new IllegalArgumentException(
            '"' + text + "\": the interval is 1us to " + MOST_MICROS + "us, 71 minutes");
      }
    }
    // Up to what 64 bits hold of the product, as in xl.
    long most = Long.divideUnsigned(-1, micros);
    if (Long.compareUnsigned(perSecond, most) > 0) {
      throw new IllegalArgumentException(
          '"'
              + text
              + "\": at an interval of "
              + interval(micros)
              + " the rate is at most "
              + Long.toUnsignedString(most)
              + "B/s");
    }
    long octets = Long.divideUnsigned(perSecond * micros, 1_000_000);
    if (octets == 0) {
      throw new IllegalArgumentException(
          '"' + text + "\", which comes to no whole octet in its interval of " + interval(micros));
    }
    return new Rate(octets, micros);
  }

  /// @param what the number says, for messages
  private static long number(String text, String what, String digits) {
    long value = 0;
    try {
      value = Long.parseLong(digits, digits.charAt(0) == '0' ? 8 : 10);
    } catch (NumberFormatException _) {
      // said below
    }
    if (value < 1 || value > MOST_NUMBER) {
      throw new IllegalArgumentException(
          '"'
              + text
              + "\": "
              + what
              + " is a number from 1 to "
              + MOST_NUMBER
              + " before its unit, octal if it begins with 0");
    }
    return value;
  }

  private static long microsPer(String unit) {
    return switch (unit) {
      case "u", "us" -> 1;
      case "m", "ms" -> 1000;
      default -> 1_000_000;
    };
  }

  public boolean isUnlimited() {
    return octets == Long.MAX_VALUE;
  }

  double nanosPerOctet() {
    return micros * 1000.0 / octets;
  }

  double octetsPerSecond() {
    return octets * 1e6 / micros;
  }

  /// The node's text.
  public String node() {
    return octets + "," + micros;
  }

  /// For people: bits in a second, and the interval if it is not the usual one. In the form of
  /// [#parse] if they are whole bits; else with three decimals, which `parse` does not take.
  @Override
  public String toString() {
    if (isUnlimited()) {
      return "none";
    }
    BigDecimal bitMicros = BigDecimal.valueOf(octets).multiply(BigDecimal.valueOf(8_000_000));
    BigDecimal interval = BigDecimal.valueOf(micros);
    BigDecimal bits = bitMicros.divide(interval, 9, RoundingMode.HALF_EVEN);
    boolean whole = bitMicros.remainder(interval).signum() == 0;
    String unit = "";
    for (String larger : new String[] {"K", "M", "G"}) {
      BigDecimal fewer = bits.movePointLeft(3);
      if (whole ? isWhole(fewer) : fewer.compareTo(BigDecimal.ONE) >= 0) {
        bits = fewer;
        unit = larger;
      }
    }
    String number =
        whole
            ? bits.toBigInteger().toString()
            : bits.setScale(3, RoundingMode.HALF_EVEN).toPlainString();
    return number + unit + "b/s" + (micros == USUAL_MICROS ? "" : '@' + interval(micros));
  }

  private static boolean isWhole(BigDecimal number) {
    return number.stripTrailingZeros().scale() <= 0;
  }

  private static String interval(long micros) {
    if (micros % 1_000_000 == 0) {
      return micros / 1_000_000 + "s";
    }
    return micros % 1000 == 0 ? micros / 1000 + "ms" : micros + "us";
  }
}
