package org.netback.echo;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.netback.loop.SteppedLoop;
import org.netback.xen.event.EventChannel;
import org.netback.xen.ring.BackRing;
import org.netback.xen.ring.FrontRing;
import org.netback.xen.ring.RingViolation;

/// A round with both ends on one page, and indices that wrap at 2^32.
final class EchoRoundTest {
  private final SteppedLoop loop = new SteppedLoop();
  private final MemorySegment page = Arena.ofAuto().allocate(4096, 4096);
  private final FrontRing front = FrontRing.initialiseAt(page, EchoRequest.SIZE, -20);
  private final List<Throwable> failures = new ArrayList<>();
  private int notified;

  private final class CountedChannel implements EventChannel {
    @Override
    public int port() {
      return 1;
    }

    @Override
    public void notifyPeer() {
      notified++;
    }

    @Override
    public void close() {}
  }

  @Test
  void answersAcrossTheWrapOfTheIndices() throws RingViolation {
    EchoRound round = new EchoRound(BackRing.attach(page, EchoRequest.SIZE), loop, failures::add);
    round.service().start(new CountedChannel());
    loop.runReady();
    for (int i = 0; i < 100; i++) {
      front.putRequest(new EchoRequest(i, "ab"));
    }
    assertThat(front.push()).isTrue();
    assertThat(round.service().onEvent()).isTrue();
    loop.runReady();
    assertThat(front.unconsumedResponses()).isEqualTo(100);
    assertThat(EchoResponse.read(front.copyResponse()).text()).startsWith("ba\0");
    assertThat(notified).isOne();
    page.set(ValueLayout.JAVA_INT, 0, 1_000_000);
    round.service().onEvent();
    assertThat(failures).singleElement().isInstanceOf(RingViolation.class);
  }
}
