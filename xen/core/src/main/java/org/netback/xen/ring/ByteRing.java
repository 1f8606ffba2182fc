package org.netback.xen.ring;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// One end of a pair of rings of octets on a shared page, as console.h has them. Lengths are powers
/// of two, since console.h masks its indices. Both ends notify after every step.
///
/// Confined to one thread, or guarded by its owner's lock.
public final class ByteRing implements RingEnd {
  private final MemorySegment page;
  private final RingHalf in;
  private final RingHalf out;
  private final HalfIndices indices;

  private ByteRing(MemorySegment page, RingHalf in, RingHalf out) throws RingViolation {
    for (RingHalf half : new RingHalf[] {in, out}) {
      if (Integer.bitCount(half.length()) != 1) {
        throw new IllegalArgumentException("a ring of " + half.length() + " octets");
      }
    }
    this.page = page;
    this.in = in;
    this.out = out;
    this.indices = new HalfIndices(page, in, out, "octets");
  }

  /// Takes up an end where the shared page says that it stood.
  ///
  /// @param in the half to take from
  /// @param out the half to put into
  /// @throws RingViolation if the indices are further apart than a ring is long
  public static ByteRing attach(MemorySegment page, RingHalf in, RingHalf out)
      throws RingViolation {
    return new ByteRing(page, in, out);
  }

  /// Octets that wait to be taken.
  ///
  /// @throws RingViolation if the peer claims more than the ring is long, or takes back what it has
  ///   put: somebody may be about to [#consume] that
  @Override
  public int waiting() throws RingViolation {
    int vouched = indices.vouched();
    int waiting = indices.look();
    if (waiting < vouched) {
      throw new RingViolation(vouched - waiting + " octets that were put were taken back");
    }
    return waiting;
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

  /// A peer that waits for room looks at its ring by itself, or is notified by the next step.
  @Override
  public boolean owesNotification() {
    return true;
  }

  /// Octets that can be put.
  ///
  /// @throws RingViolation if the peer claims to have taken what was never put
  public int room() throws RingViolation {
    return out.length() - indices.queued();
  }

  /// Copies octets out, each once; they stay in the ring until [#consume].
  ///
  /// @param most as many as [#waiting()] has vouched for, or fewer
  /// @return how many: as many as there are and fit
  public int peek(byte[] into, int at, int most) {
    int count = Math.min(most, Math.min(indices.vouched(), into.length - at));
    int first = indices.cons() & in.length() - 1;
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
    if (count < 0 || count > indices.vouched()) {
      throw new IllegalArgumentException(count + " of " + indices.vouched() + " octets");
    }
    indices.take(count);
    indices.publishTaken();
  }

  /// Puts octets, as many as there is room for. The peer is to be notified.
  ///
  /// @return how many
  /// @throws RingViolation as [#room()]
  public int put(byte[] from, int at, int most) throws RingViolation {
    int count = Math.min(most, room());
    int first = indices.prod() & out.length() - 1;
    int untilEnd = Math.min(count, out.length() - first);
    MemorySegment.copy(from, at, page, ValueLayout.JAVA_BYTE, out.offset() + first, untilEnd);
    MemorySegment.copy(
        from, at + untilEnd, page, ValueLayout.JAVA_BYTE, out.offset(), count - untilEnd);
    indices.put(count);
    indices.publishPut();
    return count;
  }
}
