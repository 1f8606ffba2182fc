package org.netback.echo;

import java.util.function.Consumer;
import org.netback.loop.EventLoop;
import org.netback.xen.ring.BackRing;
import org.netback.xen.ring.RingService;

/// Answers the requests of one ring, in their order. Served by a [RingService].
final class EchoRound implements RingService.Round {
  private static final int MOST_AT_ONCE = 32;

  private final BackRing ring;
  private final RingService service;

  EchoRound(BackRing ring, EventLoop loop, Consumer<Throwable> failure) {
    this.ring = ring;
    this.service = new RingService(ring, loop, this, failure);
  }

  RingService service() {
    return service;
  }

  @Override
  public long round(int available) {
    int count = Math.min(available, MOST_AT_ONCE);
    for (int i = 0; i < count; i++) {
      ring.putResponse(EchoJudge.judge(EchoRequest.read(ring.copyRequest())));
    }
    if (count > 0 && ring.push()) {
      service.notifyPeer();
    }
    return count == 0 ? RingService.IDLE : RingService.WORKED;
  }
}
