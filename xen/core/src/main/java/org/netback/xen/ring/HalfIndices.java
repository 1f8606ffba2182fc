package org.netback.xen.ring;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/// The indices of one end of a pair of rings without responses: from one ring it takes, into the
/// other it puts. All four are free-running and unsigned.
///
/// Own indices are kept privately: what the peer writes over them in the page changes nothing here,
/// and the next step writes them anew. The peer's are read once per look. There is no event index:
/// both ends notify after every step.
final class HalfIndices {
  private static final VarHandle INDEX = ValueLayout.JAVA_INT.varHandle();

  private final MemorySegment page;
  private final RingHalf in;
  private final RingHalf out;
  private final String places;

  /// What is taken next, and up to where the peer is known to have put.
  private int cons;

  private int limit;

  /// What is put next, and up to where the peer is known to have taken.
  private int prod;

  private int taken;

  /// Takes up an end where the shared page says that it stood: a ring may outlive the one that
  /// served it before.
  ///
  /// @param places what a ring has, for messages: "octets"
  /// @throws RingViolation if indices are further apart than a ring is long
  HalfIndices(MemorySegment page, RingHalf in, RingHalf out, String places) throws RingViolation {
    this.page = page;
    this.in = in;
    this.out = out;
    this.places = places;
    this.cons = load(in.cons());
    this.prod = load(out.prod());
    look();
    queued();
  }

  private int load(int offset) {
    return (int) INDEX.getAcquire(page, (long) offset);
  }

  /// @return how much waits to be taken
  /// @throws RingViolation the peer claims more than the ring is long
  int look() throws RingViolation {
    int produced = load(in.prod());
    int waiting = produced - cons;
    if (Integer.compareUnsigned(waiting, in.length()) > 0) {
      throw violation(in, cons, produced);
    }
    limit = produced;
    taken = load(out.cons());
    return waiting;
  }

  /// @return how much was put and not taken
  /// @throws RingViolation the peer claims to have taken what was never put
  int queued() throws RingViolation {
    taken = load(out.cons());
    int queued = prod - taken;
    if (Integer.compareUnsigned(queued, out.length()) > 0) {
      throw violation(out, taken, prod);
    }
    return queued;
  }

  private RingViolation violation(RingHalf half, int consumed, int produced) {
    return new RingViolation(
        "indices "
            + Integer.toUnsignedString(consumed)
            + " and "
            + Integer.toUnsignedString(produced)
            + " of a ring of "
            + half.length()
            + ' '
            + places);
  }

  /// What the peer has put, and what it has taken of ours ([RingEnd#progress]).
  int progress() {
    return limit + taken;
  }

  int cons() {
    return cons;
  }

  int prod() {
    return prod;
  }

  /// As of the last [#queued()].
  int taken() {
    return taken;
  }

  /// How much may be taken, as of the last [#look()].
  int vouched() {
    return limit - cons;
  }

  void take(int count) {
    cons += count;
  }

  void put(int count) {
    prod += count;
  }

  /// What was taken has been read before its room is given away.
  void publishTaken() {
    INDEX.setRelease(page, (long) in.cons(), cons);
  }

  /// What was put can be read before the peer sees that it was.
  void publishPut() {
    INDEX.setRelease(page, (long) out.prod(), prod);
  }

  /// ring.h's rule, which the headers take for granted: the own indices must be visible before the
  /// peer's are read again.
  void fence() {
    VarHandle.fullFence();
  }
}
