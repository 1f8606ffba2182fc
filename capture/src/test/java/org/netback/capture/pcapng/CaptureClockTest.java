package org.netback.capture.pcapng;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.netback.properties.Property;

class CaptureClockTest {
  private static final long START = 1_795_000_000_000_000_000L;

  private long wall = START;
  private long monotonic = -77;
  private final CaptureClock clock = new CaptureClock(() -> wall, () -> monotonic);

  private void pass(long nanos) {
    wall += nanos;
    monotonic += nanos;
  }

  @Test
  void tellsTheTimeBetweenReadingsOfTheWallClock() {
    assertThat(clock.nanos()).isEqualTo(START);
    pass(1);
    assertThat(clock.nanos()).isEqualTo(START + 1);
    pass(1_000_000_000);
    assertThat(clock.nanos()).isEqualTo(START + 1_000_000_001);
  }

  @Test
  void followsAWallClockThatIsSetForward() {
    wall += 3_600_000_000_000L;
    assertThat(clock.nanos()).isEqualTo(START);
    clock.follow();
    assertThat(clock.nanos()).isEqualTo(wall);
  }

  @Test
  void goesOnEvenlyWhenTheWallClockIsSetBack() {
    pass(5);
    wall -= 3_600_000_000_000L;
    clock.follow();
    assertThat(clock.nanos()).isEqualTo(START + 5);
    pass(10);
    clock.follow();
    assertThat(clock.nanos()).isEqualTo(START + 15);
  }

  @Test
  void readsThroughTheEndOfTheMonotonicClocksRange() {
    monotonic = Long.MAX_VALUE;
    CaptureClock late = new CaptureClock(() -> wall, () -> monotonic);
    pass(2);
    late.follow();
    assertThat(late.nanos()).isEqualTo(START + 2);
  }

  @Test
  void anInterruptedMeasurementIsPutRightByTheNext() {
    long[] delay = {1000};
    CaptureClock slow =
        new CaptureClock(
            () -> {
              long now = wall;
              pass(delay[0]);
              return now;
            },
            () -> monotonic);
    assertThat(slow.nanos()).isEqualTo(wall - 1000);
    delay[0] = 20;
    slow.follow();
    assertThat(slow.nanos()).isEqualTo(wall - 20);
    delay[0] = 500;
    slow.follow();
    assertThat(slow.nanos()).isEqualTo(wall - 20);
  }

  @Test
  void neverGoesBack() {
    Property.holds(
        500,
        sample -> {
          wall = START;
          CaptureClock any = new CaptureClock(() -> wall, () -> monotonic);
          long last = any.nanos();
          for (int step : sample.list(0, 30, () -> sample.between(-1_000_000, 1_000_000))) {
            wall += step;
            monotonic += Math.max(0, sample.between(-5, 1000));
            if (sample.anyBoolean()) {
              any.follow();
            }
            assertThat(any.nanos()).isGreaterThanOrEqualTo(last);
            last = any.nanos();
          }
        });
  }

  @Test
  void thatOfTheMachineIsNearItsWallClock() {
    CaptureClock machine = CaptureClock.system();
    long before = System.currentTimeMillis();
    machine.follow();
    long now = machine.nanos() / 1_000_000;
    // Whatever the scheduler does in between only makes the window longer.
    assertThat(now).isBetween(before - 10_000, System.currentTimeMillis() + 10_000);
  }
}
