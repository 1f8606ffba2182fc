package org.netback.xen.ring;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/// One end of a pair of rings of events on a shared page, as fbif.h and kbdif.h have them: slots of
/// one size, from one ring taken, into the other put. There are no responses and no event index:
/// both ends notify after every step.
///
/// Their lengths need not be powers of two (kbdif.h: 51 and 25 slots). The headers take slot `index
/// % length` of free-running unsigned indices, so such a ring jumps when an index wraps at 2^32,
/// and events before and after the jump may share a slot. Therefore nothing is put past the jump
/// while anything before it has not been taken.
///
/// Own indices are kept privately, and the peer's is read once per look, as [ByteRing] does it.
///
/// Confined to one thread, or guarded by its owner's lock.
public final class EventPage implements RingEnd {
  private static final VarHandle INDEX = ValueLayout.JAVA_INT.varHandle();

  private final MemorySegment page;
  private final Half in;
  private final Half out;
  private final int slotSize;
  private final MemorySegment scratch;
  private int cons;
  private int consLimit;
  private int taken;
  private int prod;

  /// Where a ring of events lies in its page.
  ///
  /// @param offset of its first slot
  /// @param length slots
  /// @param cons offset of the consumer's index
  /// @param prod offset of the producer's index
  public record Half(int offset, int length, int cons, int prod) {
    public Half {
      if (length < 1 || offset < 0) {
        throw new IllegalArgumentException(length + " slots at " + offset);
      }
    }
  }

  private EventPage(MemorySegment page, Half in, Half out, int slotSize) {
    this.page = page;
    this.in = in;
    this.out = out;
    this.slotSize = slotSize;
    this.scratch = Arena.ofAuto().allocate(slotSize, 8);
    this.cons = load(in.cons());
    this.consLimit = cons;
    this.prod = load(out.prod());
  }

  /// Takes up an end where the shared page says that it stood.
  ///
  /// @param in the half to take from
  /// @param out the half to put into
  /// @param slotSize octets of a slot in either
  /// @throws RingViolation if the indices are further apart than a ring is long
  public static EventPage attach(MemorySegment page, Half in, Half out, int slotSize)
      throws RingViolation {
    EventPage events = new EventPage(page, in, out, slotSize);
    events.waiting();
    events.room();
    return events;
  }

  private int load(int offset) {
    return (int) INDEX.getAcquire(page, (long) offset);
  }

  /// Events that wait to be taken.
  ///
  /// @throws RingViolation if the peer claims more than the ring is long
  @Override
  public int waiting() throws RingViolation {
    int produced = load(in.prod());
    int waiting = produced - cons;
    if (Integer.compareUnsigned(waiting, in.length()) > 0) {
      throw violation(in, cons, produced);
    }
    consLimit = produced;
    taken = load(out.cons());
    return waiting;
  }

  /// What the peer has put, and what it has taken of ours.
  @Override
  public int progress() {
    return consLimit + taken;
  }

  /// Both ends notify always.
  @Override
  public void ask(int wanted) {
    // As in ByteRing: the own index must be visible before the peer's is read again.
    VarHandle.fullFence();
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
    if (cons == consLimit) {
      throw new IllegalStateException("no checked event at " + Integer.toUnsignedString(cons));
    }
    MemorySegment.copy(page, offset(in, cons), slot, 0, slotSize);
    cons++;
  }

  /// Gives the peer the room of the events that were taken. It is to be notified.
  public void publishTaken() {
    INDEX.setRelease(page, (long) in.cons(), cons);
  }

  /// Events that can be put.
  ///
  /// @throws RingViolation if the peer claims to have taken what was never put
  public int room() throws RingViolation {
    int consumed = load(out.cons());
    int queued = prod - consumed;
    if (Integer.compareUnsigned(queued, out.length()) > 0) {
      throw violation(out, consumed, prod);
    }
    if (Integer.bitCount(out.length()) == 1) {
      return out.length() - queued;
    }
    if (Integer.compareUnsigned(consumed, prod) > 0) {
      return 0;
    }
    long untilJump = 0x1_0000_0000L - Integer.toUnsignedLong(prod);
    return (int) Math.min(out.length() - queued, untilJump);
  }

  /// Puts an event into the next slot; the caller knows from [#room()] that there is one. The peer
  /// sees it after [#publish()].
  public void put(RingMessage event) {
    event.writeTo(scratch);
    MemorySegment.copy(scratch, 0, page, offset(out, prod), slotSize);
    prod++;
  }

  /// Shows the peer the events that were put. It is to be notified.
  public void publish() {
    INDEX.setRelease(page, (long) out.prod(), prod);
  }

  private long offset(Half half, int index) {
    return half.offset() + (long) Integer.remainderUnsigned(index, half.length()) * slotSize;
  }

  private static RingViolation violation(Half half, int consumed, int produced) {
    return new RingViolation(
        "indices "
            + Integer.toUnsignedString(consumed)
            + " and "
            + Integer.toUnsignedString(produced)
            + " of a ring of "
            + half.length()
            + " events");
  }
}
