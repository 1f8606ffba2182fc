package org.netback.vswitch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.netback.vswitch.MulticastPolicy.Unregistered;

/// The outermost values that a network may be given, and the first beyond them.
class PolicyBoundsTest {
  private static final Duration MINUTE = Duration.ofMinutes(1);

  @Test
  void addresses() {
    assertThat(new MacLimits(1, 0, MINUTE).addresses()).isEqualTo(1);
    assertThat(new MacLimits(1 << 24, 0, MINUTE).addresses()).isEqualTo(1 << 24);
    refused("addresses: 0", () -> new MacLimits(0, 0, MINUTE));
    refused("addresses: 16777217", () -> new MacLimits((1 << 24) + 1, 0, MINUTE));
    refused("addressesPerPort: -1", () -> new MacLimits(1, -1, MINUTE));
  }

  @Test
  void ages() {
    assertThat(new MacLimits(1, 0, MacLimits.LEAST_AGE).age()).isEqualTo(Duration.ofSeconds(1));
    assertThat(new MacLimits(1, 0, MacLimits.MOST_AGE).age()).isEqualTo(Duration.ofDays(365));
    refused("age: PT0.999999999S", () -> new MacLimits(1, 0, MacLimits.LEAST_AGE.minusNanos(1)));
    refused("age: PT8760H0.000000001S", () -> new MacLimits(1, 0, MacLimits.MOST_AGE.plusNanos(1)));
  }

  private static MulticastPolicy policy(Duration interval, int memberships, int perPort) {
    return new MulticastPolicy(
        true, true, false, Unregistered.FLOOD, interval, memberships, perPort, List.of());
  }

  @Test
  void memberships() {
    assertThat(policy(MINUTE, 1, 1).memberships()).isEqualTo(1);
    assertThat(policy(MINUTE, 1 << 20, 1).memberships()).isEqualTo(1 << 20);
    refused("memberships: 0", () -> policy(MINUTE, 0, 1));
    refused("memberships: 1048577", () -> policy(MINUTE, (1 << 20) + 1, 1));
    refused("membershipsPerPort: 0", () -> policy(MINUTE, 1, 0));
  }

  @Test
  void queryIntervals() {
    Duration least = MulticastPolicy.LEAST_QUERY_INTERVAL;
    Duration most = MulticastPolicy.MOST_QUERY_INTERVAL;
    assertThat(policy(least, 1, 1).queryInterval()).isEqualTo(Duration.ofSeconds(2));
    assertThat(policy(most, 1, 1).queryInterval()).isEqualTo(Duration.ofHours(8));
    refused("queryInterval: PT1.999999999S", () -> policy(least.minusNanos(1), 1, 1));
    refused("queryInterval: PT8H0.000000001S", () -> policy(most.plusNanos(1), 1, 1));
  }

  /// Half the interval to answer, 10 s at most: three intervals and a response make a membership.
  @Test
  void responseTimes() {
    assertThat(policy(Duration.ofSeconds(19), 1, 1).responseTime())
        .isEqualTo(Duration.ofMillis(9500));
    assertThat(policy(Duration.ofSeconds(20), 1, 1).responseTime())
        .isEqualTo(Duration.ofSeconds(10));
    assertThat(policy(Duration.ofSeconds(21), 1, 1).responseTime())
        .isEqualTo(Duration.ofSeconds(10));
  }

  private static void refused(String message, Runnable construction) {
    assertThatThrownBy(construction::run)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(message);
  }
}
