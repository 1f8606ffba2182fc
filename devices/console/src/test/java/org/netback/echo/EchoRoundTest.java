package org.netback.echo;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.netback.loop.SteppedLoop;
import org.netback.xen.event.CountedChannel;
import org.netback.xen.ring.BackRing;
import org.netback.xen.ring.FrontRing;
import org.netback.xen.ring.RingViolation;
import org.netback.xen.ring.SharedIndices;

/// A round with both ends on one page, and indices that wrap at 2^32.
final class EchoRoundTest {
  private final SteppedLoop loop = new SteppedLoop();
  private final MemorySegment page = Arena.ofAuto().allocate(4096, 4096);
  private final FrontRing front = FrontRing.initialiseAt(page, EchoRequest.SIZE, -20);
  private final CountedChannel channel = new CountedChannel();
  private final List<Throwable> failures = new ArrayList<>();

  @Test
  void answersAcrossTheWrapOfTheIndices() throws RingViolation {
    EchoRound round = new EchoRound(BackRing.attach(page, EchoRequest.SIZE), loop, failures::add);
    round.service().start(channel);
    loop.runReady();
    for (int i = 0; i < 100; i++) {
      front.putRequest(new EchoRequest(i, "ab"));
    }
    assertThat(front.push()).isTrue();
    assertThat(round.service().onEvent()).isTrue();
    loop.runReady();
    assertThat(front.unconsumedResponses()).isEqualTo(100);
    assertThat(EchoResponse.read(front.copyResponse()).text()).startsWith("ba\0");
    assertThat(channel.notified()).isOne();
    SharedIndices.putReqProd(page, 1_000_000);
    round.service().onEvent();
    assertThat(failures).singleElement().isInstanceOf(RingViolation.class);
  }
}
