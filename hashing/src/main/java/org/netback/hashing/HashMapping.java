package org.netback.hashing;

/// Which queue a hash leads to: the table's entry at the hash modulo the table's size, or without a
/// table the hash modulo the number of queues. Immutable, so that whoever reads one sees a whole
/// one; changes make another.
public final class HashMapping {
  /// The most entries, as in Linux.
  public static final int MAX_SIZE = 128;

  /// Without a table.
  public static final HashMapping MODULO = new HashMapping(new byte[0]);

  private final byte[] queues;

  private HashMapping(byte[] queues) {
    this.queues = queues;
  }

  /// A table that leads to queue 0 throughout; without entries, [#MODULO].
  ///
  /// @param size 0 to [#MAX_SIZE]
  public static HashMapping zeroed(int size) {
    if (size < 0 || size > MAX_SIZE) {
      throw new IllegalArgumentException("a hash mapping of " + size + " entries");
    }
    return size == 0 ? MODULO : new HashMapping(new byte[size]);
  }

  /// This table with some entries replaced.
  ///
  /// @param offset of the first of them; none may lie beyond the table
  /// @param entries queue numbers, below 128
  public HashMapping with(int offset, int... entries) {
    byte[] changed = queues.clone();
    for (int i = 0; i < entries.length; i++) {
      changed[offset + i] = (byte) entries[i];
    }
    return new HashMapping(changed);
  }

  /// Entries, 0 without a table.
  public int size() {
    return queues.length;
  }

  /// The queue of a hash, which is taken as unsigned.
  ///
  /// @param count how many queues there are
  public int queue(int hash, int count) {
    return queues.length == 0
        ? Integer.remainderUnsigned(hash, count)
        : queues[Integer.remainderUnsigned(hash, queues.length)];
  }
}
