package org.netback.xen.ring;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/// One end of a pair of rings of octets on a shared page, as console.h has them: from one ring it
/// takes, into the other it puts. Lengths are powers of two, since console.h masks its free-running
/// 32-bit indices.
///
/// Own indices are kept privately: what the peer writes over them in the page changes nothing here,
/// and the next step writes them anew. The peer's index is read once per look. There is no event
/// index: both ends notify after every step.
///
/// Confined to one thread, or guarded by its owner's lock.
public final class ByteRing implements RingEnd {
  private static final VarHandle INDEX = ValueLayout.JAVA_INT.varHandle();

  private final MemorySegment page;
  private final Half in;
  private final Half out;

  /// Private copies of the own indices, and up to where the peer's is vouched for.
  private int cons;

  private int consLimit;
  private int taken;
  private int prod;

  /// Where a ring of octets lies in its page.
  ///
  /// @param offset of its first octet
  /// @param length octets, a power of two
  /// @param cons offset of the consumer's index
  /// @param prod offset of the producer's index
  public record Half(int offset, int length, int cons, int prod) {
    public Half {
      if (Integer.bitCount(length) != 1 || length < 1 || offset < 0) {
        throw new IllegalArgumentException(length + " octets at " + offset);
      }
    }
  }

  private ByteRing(MemorySegment page, Half in, Half out) {
    this.page = page;
    this.in = in;
    this.out = out;
    // A ring may outlive the one that served it before.
    this.cons = load(in.cons());
    this.consLimit = cons;
    this.prod = load(out.prod());
  }

  /// Takes up an end where the shared page says that it stood.
  ///
  /// @param in the half to take from
  /// @param out the half to put into
  /// @throws RingViolation if the indices are further apart than a ring is long
  public static ByteRing attach(MemorySegment page, Half in, Half out) throws RingViolation {
    ByteRing ring = new ByteRing(page, in, out);
    ring.waiting();
    ring.room();
    return ring;
  }

  private int load(int offset) {
    return (int) INDEX.getAcquire(page, (long) offset);
  }

  /// Octets that wait to be taken.
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
    // ring.h's rule, which console.h takes for granted: the last consumed index must be visible
    // before the peer's is read again.
    VarHandle.fullFence();
  }

  /// A peer that waits for room looks at its ring by itself, or is notified by the next step.
  @Override
  public boolean owesNotification() {
    return true;
  }

  /// Octets that can be put.
  ///
  /// @throws RingViolation if the peer claims to have taken what was never put
  public int room() throws RingViolation {
    int consumed = load(out.cons());
    int queued = prod - consumed;
    if (Integer.compareUnsigned(queued, out.length()) > 0) {
      throw violation(out, consumed, prod);
    }
    return out.length() - queued;
  }

  private static RingViolation violation(Half half, int consumed, int produced) {
    return new RingViolation(
        "indices "
            + Integer.toUnsignedString(consumed)
            + " and "
            + Integer.toUnsignedString(produced)
            + " of a ring of "
            + half.length()
            + " octets");
  }

  /// Copies octets out, each once; they stay in the ring until [#consume].
  ///
  /// @param most as many as [#waiting()] has vouched for, or fewer
  /// @return how many: as many as there are and fit
  public int peek(byte[] into, int at, int most) {
    int count = Math.min(most, Math.min(consLimit - cons, into.length - at));
    int first = cons & in.length() - 1;
    int untilEnd = Math.min(count, in.length() - first);
    MemorySegment.copy(page, ValueLayout.JAVA_BYTE, in.offset() + first, into, at, untilEnd);
    MemorySegment.copy(
        page, ValueLayout.JAVA_BYTE, in.offset(), into, at + untilEnd, count - untilEnd);
    return count;
  }

  /// Gives the peer the room of octets that were copied out. It is to be notified.
  ///
  /// @throws IllegalArgumentException if fewer are vouched for
  public void consume(int count) {
    if (count < 0 || count > consLimit - cons) {
      throw new IllegalArgumentException(count + " of " + (consLimit - cons) + " octets");
    }
    cons += count;
    // The octets have been read before their room is given away.
    INDEX.setRelease(page, (long) in.cons(), cons);
  }

  /// Puts octets, as many as there is room for. The peer is to be notified.
  ///
  /// @return how many
  /// @throws RingViolation as [#room()]
  public int put(byte[] from, int at, int most) throws RingViolation {
    int count = Math.min(most, room());
    int first = prod & out.length() - 1;
    int untilEnd = Math.min(count, out.length() - first);
    MemorySegment.copy(from, at, page, ValueLayout.JAVA_BYTE, out.offset() + first, untilEnd);
    MemorySegment.copy(
        from, at + untilEnd, page, ValueLayout.JAVA_BYTE, out.offset(), count - untilEnd);
    prod += count;
    INDEX.setRelease(page, (long) out.prod(), prod);
    return count;
  }
}
