package org.netback.capture.pcapng;

/// The unit of an interface's times (`if_tsresol`): a power of ten or of two of a second.
///
/// @param octet as in the file: the negative exponent of ten, or with the highest bit set of two
public record TimeResolution(int octet) {
  /// That of an interface that names none.
  public static final TimeResolution MICROSECONDS = new TimeResolution(6);

  public static final TimeResolution NANOSECONDS = new TimeResolution(9);

  private static final int OF_TWO = 0x80;
  private static final int NANO_DIGITS = 9;

  /// The largest power of ten that 64 bits hold without a sign.
  private static final int MAX_DIGITS = 19;

  private static final long NANOS = 1_000_000_000;
  private static final long MAX_SECONDS = Long.MAX_VALUE / NANOS;

  public TimeResolution {
    if (octet < 0 || octet > 0xff) {
      throw new IllegalArgumentException("a resolution of " + octet);
    }
  }

  /// Nanoseconds since 1970 in UTC, rounded down. What a `long` cannot hold becomes the nearest
  /// that it can: its end is in the year 2262.
  ///
  /// @param units without a sign
  /// @param offsetSeconds that were taken off (`if_tsoffset`)
  long nanos(long units, long offsetSeconds) {
    long seconds;
    long nanos;
    int exponent = octet & ~OF_TWO;
    if ((octet & OF_TWO) != 0) {
      seconds = exponent < Long.SIZE ? units >>> exponent : 0;
      nanos = fraction(units, exponent);
    } else if (exponent > MAX_DIGITS) {
      seconds = 0;
      nanos = exponent - NANO_DIGITS > MAX_DIGITS ? 0 : divide(units, exponent - NANO_DIGITS);
    } else {
      long perSecond = powerOfTen(exponent);
      seconds = Long.divideUnsigned(units, perSecond);
      long rest = Long.remainderUnsigned(units, perSecond);
      nanos =
          exponent > NANO_DIGITS
              ? divide(rest, exponent - NANO_DIGITS)
              : rest * powerOfTen(NANO_DIGITS - exponent);
    }
    return sum(seconds, offsetSeconds, nanos);
  }

  /// The part of a second, of units of a power of two.
  private static long fraction(long units, int exponent) {
    if (exponent == 0) {
      return 0;
    }
    long part = exponent < Long.SIZE ? units & (1L << exponent) - 1 : units;
    long high = Math.unsignedMultiplyHigh(part, NANOS);
    return exponent < Long.SIZE
        ? high << Long.SIZE - exponent | part * NANOS >>> exponent
        : high >>> exponent - Long.SIZE;
  }

  private static long divide(long units, int digits) {
    return Long.divideUnsigned(units, powerOfTen(digits));
  }

  private static long powerOfTen(int digits) {
    long power = 1;
    for (int i = 0; i < digits; i++) {
      power *= 10;
    }
    return power;
  }

  /// Seconds without a sign and seconds with one, brought into the range.
  private static long sum(long seconds, long offset, long nanos) {
    long positive = seconds < 0 ? Long.MAX_VALUE : seconds;
    long sum = positive + offset;
    if (positive > 0 && offset > 0 && sum < 0 || sum >= MAX_SECONDS) {
      return Long.MAX_VALUE;
    }
    return sum <= -MAX_SECONDS ? Long.MIN_VALUE + 1 : sum * NANOS + nanos;
  }
}
