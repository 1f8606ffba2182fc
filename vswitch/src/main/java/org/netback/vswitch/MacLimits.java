package org.netback.vswitch;

import java.time.Duration;

/// What a network's [MacTable] may hold.
///
/// @param addresses the most learned addresses in the network
/// @param addressesPerPort the most learned addresses of one port
/// @param age how long after its last sighting a learned address is forgotten
public record MacLimits(int addresses, int addressesPerPort, Duration age) {
  /// Bounds of the age.
  public static final Duration LEAST_AGE = Duration.ofSeconds(1);

  public static final Duration MOST_AGE = Duration.ofDays(365);

  public static final MacLimits DEFAULT = new MacLimits(16384, 1024, Duration.ofMinutes(5));

  private static final int MAX_ADDRESSES = 1 << 24;

  public MacLimits {
    if (addresses < 1 || addresses > MAX_ADDRESSES) {
      throw new IllegalArgumentException("addresses: " + addresses + " is not 1.." + MAX_ADDRESSES);
    }
    if (addressesPerPort < 0) {
      throw new IllegalArgumentException("addressesPerPort: " + addressesPerPort + " < 0");
    }
    if (age.compareTo(LEAST_AGE) < 0 || age.compareTo(MOST_AGE) > 0) {
      throw new IllegalArgumentException("age: " + age + " is not 1 second to 365 days");
    }
  }
}
