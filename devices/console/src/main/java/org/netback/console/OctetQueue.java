package org.netback.console;

/// Octets in their order, up to a bound. Its memory grows with what is in it, up to the bound, and
/// is given back when it is emptied by [#clear()].
///
/// Confined to one thread, or guarded by its owner's lock.
final class OctetQueue {
  private static final int FIRST = 1024;
  private static final byte[] NONE = {};

  private final int bound;
  private byte[] octets = NONE;
  private int first;
  private int size;

  /// @param bound octets
  OctetQueue(int bound) {
    if (bound < 1) {
      throw new IllegalArgumentException("queue of " + bound + " octets");
    }
    this.bound = bound;
  }

  int size() {
    return size;
  }

  boolean isEmpty() {
    return size == 0;
  }

  /// Octets that can be added.
  int room() {
    return bound - size;
  }

  /// Adds as many as there is room for.
  ///
  /// @return how many
  int add(byte[] from, int at, int length) {
    int count = Math.min(length, room());
    reserve(size + count);
    int end = octets.length == 0 ? 0 : (first + size) % octets.length;
    int untilEnd = Math.min(count, octets.length - end);
    System.arraycopy(from, at, octets, end, untilEnd);
    System.arraycopy(from, at + untilEnd, octets, 0, count - untilEnd);
    size += count;
    return count;
  }

  /// Adds all, for which the oldest make room.
  ///
  /// @return how many were lost, of the old or of the new
  int addNewest(byte[] from, int at, int length) {
    int skipped = Math.max(0, length - bound);
    int lost = skipped + Math.max(0, size + length - skipped - bound);
    remove(lost - skipped);
    add(from, at + skipped, length - skipped);
    return lost;
  }

  /// Copies the oldest out and leaves them.
  ///
  /// @return how many: as many as there are and fit
  int peek(byte[] into) {
    int count = Math.min(size, into.length);
    int untilEnd = Math.min(count, octets.length - first);
    System.arraycopy(octets, first, into, 0, untilEnd);
    System.arraycopy(octets, 0, into, untilEnd, count - untilEnd);
    return count;
  }

  /// Removes the oldest.
  void remove(int count) {
    if (count < 0 || count > size) {
      throw new IllegalArgumentException(count + " of " + size + " octets");
    }
    size -= count;
    first = size == 0 || octets.length == 0 ? 0 : (first + count) % octets.length;
  }

  void clear() {
    size = 0;
    first = 0;
    octets = NONE;
  }

  private void reserve(int needed) {
    if (needed <= octets.length) {
      return;
    }
    int length = (int) Math.min(bound, Math.max(FIRST, Math.max(needed, 2L * octets.length)));
    byte[] larger = new byte[length];
    peek(larger);
    octets = larger;
    first = 0;
  }
}
