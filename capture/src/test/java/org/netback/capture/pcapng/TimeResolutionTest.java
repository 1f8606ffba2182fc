package org.netback.capture.pcapng;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.math.BigInteger;
import org.junit.jupiter.api.Test;
import org.netback.properties.Property;

class TimeResolutionTest {
  private static final BigInteger NANOS = BigInteger.valueOf(1_000_000_000);

  @Test
  void countsInPowersOfTenAndOfTwo() {
    assertThat(TimeResolution.MICROSECONDS.nanos(1_500_000, 0)).isEqualTo(1_500_000_000L);
    assertThat(TimeResolution.NANOSECONDS.nanos(1_500_000, 0)).isEqualTo(1_500_000L);
    assertThat(new TimeResolution(0).nanos(3, -1)).isEqualTo(2_000_000_000L);
    assertThat(new TimeResolution(12).nanos(1_999_999, 0)).isEqualTo(1999);
    assertThat(new TimeResolution(0x80 | 10).nanos(1024 + 512, 0)).isEqualTo(1_500_000_000L);
    assertThat(new TimeResolution(0x80).nanos(7, 0)).isEqualTo(7_000_000_000L);
  }

  @Test
  void anyTimeIsExactlyThatOfTheFormula() {
    Property.holds(
        5000,
        sample -> {
          int octet = sample.between(0, 255);
          long units = sample.anyLong();
          long offset = sample.anyBoolean() ? sample.anyLong() : sample.between(-2000, 2000);
          BigInteger perSecond =
              (octet & 0x80) == 0
                  ? BigInteger.TEN.pow(octet)
                  : BigInteger.ONE.shiftLeft(octet & 0x7f);
          BigInteger exact =
              new BigInteger(Long.toUnsignedString(units))
                  .multiply(NANOS)
                  .divide(perSecond)
                  .add(BigInteger.valueOf(offset).multiply(NANOS));
          long nanos = new TimeResolution(octet).nanos(units, offset);
          // At the ends of the range whole seconds decide.
          BigInteger end = BigInteger.valueOf(Long.MAX_VALUE / 1_000_000_000).multiply(NANOS);
          if (exact.compareTo(end) >= 0) {
            assertThat(nanos).isEqualTo(Long.MAX_VALUE);
          } else if (exact.compareTo(end.negate().add(NANOS)) < 0) {
            assertThat(nanos).isEqualTo(-Long.MAX_VALUE);
          } else {
            assertThat(nanos).isEqualTo(exact.longValueExact());
          }
        });
  }

  @Test
  void isAnOctet() {
    assertThatIllegalArgumentException().isThrownBy(() -> new TimeResolution(256));
    assertThatIllegalArgumentException().isThrownBy(() -> new TimeResolution(-1));
  }
}
