package org.netback.benchmarks.scale;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.netback.xen.ring.RingViolation;

final class CrowdTest {
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(20);

  private Crowd crowd;

  @BeforeEach
  void connect() throws IOException, InterruptedException {
    crowd = new Crowd();
    crowd.grow(4);
  }

  @AfterEach
  void close() throws IOException {
    crowd.close();
  }

  @Test
  void carriesWhatNeighboursSayToEachOther() throws RingViolation {
    assertThat(crowd.addresses()).isEqualTo(4);
    crowd.round(4, false);
    // 32 frames of each guest: a frame that was flooded would come to the others too.
    assertThat(took(4 * 32)).isEqualTo(4 * 32);
    assertThat(crowd.lost()).isZero();
  }

  @Test
  void scattersFramesOverTheStationsBehindTwoGuests() throws RingViolation {
    crowd.learn(100);
    assertThat(crowd.addresses()).isEqualTo(104);
    crowd.round(2, true);
    assertThat(took(2 * 32)).isEqualTo(2 * 32);
    assertThat(crowd.lost()).isZero();
  }

  /// What all guests have got once so many frames have come, and a moment has passed for more.
  private long took(long wanted) throws RingViolation {
    long end = System.nanoTime() + PATIENCE_NANOS;
    long enough = end;
    while (System.nanoTime() < Math.min(end, enough)) {
      crowd.take(4);
      if (crowd.frames() >= wanted && enough == end) {
        enough = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(50);
      }
    }
    return crowd.frames();
  }
}
