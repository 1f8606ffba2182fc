package org.netback.xen.ring;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// One end of a pair of rings of events on a shared page, as fbif.h and kbdif.h have them: slots of
/// one size. Both ends notify after every step.
///
/// Their lengths need not be powers of two (kbdif.h: 51 and 25 slots). The headers take slot `index
/// % length` of free-running unsigned indices, so such a ring jumps when an index wraps at 2^32,
/// and events before and after the jump may share a slot. Therefore nothing is put past the jump
/// while anything before it has not been taken.
///
/// Confined to one thread, or guarded by its owner's lock.
public final class EventPage implements RingEnd {
  private static final long WRAP = 0x1_0000_0000L;

  private final MemorySegment page;
  private final RingHalf in;
  private final RingHalf out;
  private final int slotSize;
  private final HalfIndices indices;
  private final MemorySegment scratch;

  private EventPage(MemorySegment page, RingHalf in, RingHalf out, int slotSize)
      throws RingViolation {
    this.page = page;
    this.in = in;
    this.out = out;
    this.slotSize = slotSize;
    this.indices = new HalfIndices(page, in, out, "events");
    this.scratch = Arena.ofAuto().allocate(slotSize, 8);
  }

  /// Takes up an end where the shared page says that it stood.
  ///
  /// @param in the half to take from
  /// @param out the half to put into
  /// @param slotSize octets of a slot in either
  /// @throws RingViolation if the indices are further apart than a ring is long
  public static EventPage attach(MemorySegment page, RingHalf in, RingHalf out, int slotSize)
      throws RingViolation {
    return new EventPage(page, in, out, slotSize);
  }

  /// Events that wait to be taken.
  ///
  /// @throws RingViolation if the peer claims more than the ring is long
  @Override
  public int waiting() throws RingViolation {
    return indices.look();
  }

  @Override
  public int progress() {
    return indices.progress();
  }

  /// Both ends notify always.
  @Override
  public void ask(int wanted) {
    indices.fence();
  }

  @Override
  public boolean owesNotification() {
    return true;
  }

  /// Takes the next event: its slot, copied once.
  ///
  /// @param slot private memory for it, as long as a slot
  /// @throws IllegalStateException if [#waiting()] has vouched for none
  public void take(MemorySegment slot) {
    if (indices.vouched() == 0) {
      throw new IllegalStateException(
          "no checked event at " + Integer.toUnsignedString(indices.cons()));
    }
    MemorySegment.copy(page, offset(in, indices.cons()), slot, 0, slotSize);
    indices.take(1);
  }

  /// Gives the peer the room of the events that were taken. It is to be notified.
  public void publishTaken() {
    indices.publishTaken();
  }

  /// Events that can be put.
  ///
  /// @throws RingViolation if the peer claims to have taken what was never put
  public int room() throws RingViolation {
    int free = out.length() - indices.queued();
    if (Integer.bitCount(out.length()) == 1) {
      return free;
    }
    int prod = indices.prod();
    if (Integer.compareUnsigned(indices.taken(), prod) > 0) {
      return 0;
    }
    return (int) Math.min(free, WRAP - Integer.toUnsignedLong(prod));
  }

  /// Puts an event into the next slot; the caller knows from [#room()] that there is one. The peer
  /// sees it after [#publish()].
  public void put(RingMessage event) {
    event.writeTo(scratch);
    MemorySegment.copy(scratch, 0, page, offset(out, indices.prod()), slotSize);
    indices.put(1);
  }

  /// Shows the peer the events that were put. It is to be notified.
  public void publish() {
    indices.publishPut();
  }

  private long offset(RingHalf half, int index) {
    return half.offset() + (long) Integer.remainderUnsigned(index, half.length()) * slotSize;
  }
}
