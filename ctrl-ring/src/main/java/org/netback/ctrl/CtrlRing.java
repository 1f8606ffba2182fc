package org.netback.ctrl;

import java.util.function.Consumer;
import org.netback.loop.EventLoop;
import org.netback.xen.io.netif.CtrlRequest;
import org.netback.xen.io.netif.CtrlResponse;
import org.netback.xen.ring.BackRing;
import org.netback.xen.ring.RingService;

/// Serves a control ring: takes requests one by one, has them judged and carried out, and answers
/// in their order. What a request sets holds for running traffic before it is answered.
///
/// A request costs the backend more than it costs the guest: a key makes a table of 36 KiB, a list
/// maps 512 pages. So each has a price, and a guest that has used up its allowance of
/// [#BURST_NANOS] waits; an ordinary set-up does not come near it. A producer index that claims
/// more requests than the ring has slots ends the device.
///
/// Served by a [RingService].
public final class CtrlRing implements RingService.Round {
  /// Requests taken in one go before the loop's other work has its turn.
  private static final int ROUND = 16;

  /// What a request of the lowest price adds to the guest's debt.
  static final long UNIT_NANOS = 400_000;

  /// Debt that may be made before a guest has to wait: 1024 units.
  static final long BURST_NANOS = 1024 * UNIT_NANOS;

  private static final int KEY_PRICE = 4;
  private static final int LIST_PRICE = 32;

  private final BackRing ring;
  private final EventLoop loop;
  private final HashControl hash;
  private final GrefControl grefs;
  private final RingService service;

  /// When the guest will have paid for everything that was done for it.
  private long paidAt;

  /// @param ring of requests of [CtrlRequest#SIZE]
  /// @param failure the service's
  public CtrlRing(
      BackRing ring,
      EventLoop loop,
      HashControl hash,
      GrefControl grefs,
      Consumer<Throwable> failure) {
    this.ring = ring;
    this.loop = loop;
    this.hash = hash;
    this.grefs = grefs;
    this.service = new RingService(ring, loop, this, failure);
    this.paidAt = loop.nanoTime();
  }

  public RingService service() {
    return service;
  }

  @Override
  public long round(int waiting) {
    boolean notify = false;
    int taken = 0;
    while (taken < waiting && taken < ROUND && mustWait() == 0) {
      CtrlRequest request = CtrlRequest.read(ring.copyRequest());
      Answer answer = carryOut(request);
      ring.putResponse(
          new CtrlResponse(request.id(), request.type(), answer.status(), answer.data()));
      // One by one: were the daemon killed before the push, its successor would take the response
      // for a request of the same type.
      notify |= ring.push();
      taken++;
    }
    if (notify) {
      service.notifyPeer();
    }
    long wait = mustWait();
    return taken < waiting && wait > 0 ? wait : RingService.DONE;
  }

  /// Nanoseconds until the guest may have something done again.
  private long mustWait() {
    return Math.max(0, paidAt - loop.nanoTime() - BURST_NANOS);
  }

  private void charge(int units) {
    long now = loop.nanoTime();
    paidAt = (paidAt - now > 0 ? paidAt : now) + units * UNIT_NANOS;
  }

  private Answer carryOut(CtrlRequest request) {
    int first = request.data0();
    int second = request.data1();
    int third = request.data2();
    charge(
        switch (request.type()) {
          case CtrlRequest.TYPE_SET_HASH_KEY -> KEY_PRICE;
          case CtrlRequest.TYPE_ADD_GREF_MAPPING, CtrlRequest.TYPE_DEL_GREF_MAPPING -> LIST_PRICE;
          default -> 1;
        });
    return switch (request.type()) {
      case CtrlRequest.TYPE_GET_HASH_FLAGS -> hash.flags();
      case CtrlRequest.TYPE_SET_HASH_FLAGS -> hash.setFlags(first);
      case CtrlRequest.TYPE_SET_HASH_KEY -> hash.setKey(first, second);
      case CtrlRequest.TYPE_GET_HASH_MAPPING_SIZE -> hash.mappingSize();
      case CtrlRequest.TYPE_SET_HASH_MAPPING_SIZE -> hash.setMappingSize(first);
      case CtrlRequest.TYPE_SET_HASH_MAPPING -> hash.setMapping(first, second, third);
      case CtrlRequest.TYPE_SET_HASH_ALGORITHM -> hash.setAlgorithm(first);
      case CtrlRequest.TYPE_GET_GREF_MAPPING_SIZE -> grefs.size(first);
      case CtrlRequest.TYPE_ADD_GREF_MAPPING -> grefs.add(first, second, third);
      case CtrlRequest.TYPE_DEL_GREF_MAPPING -> grefs.delete(first, second, third);
      default -> Answer.NOT_SUPPORTED;
    };
  }
}
