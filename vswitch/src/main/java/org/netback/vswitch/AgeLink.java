package org.netback.vswitch;

/// A link in a list in the order of age: from what was not heard of for longest to what was heard
/// of last. The list's end is a link too, before the oldest and behind the newest. Everything under
/// the lock of the table that the list belongs to.
///
/// @param <E> what is in the list
abstract sealed class AgeLink<E extends AgeLink<E>> permits MacEntry, Membership {
  private AgeLink<E> older = this;
  private AgeLink<E> newer = this;

  /// This link.
  abstract E self();

  /// The next one towards the newest; of a list's end the oldest, or itself if the list is empty.
  final E next() {
    return newer.self();
  }

  /// Of a list's end: makes an entry that is in no list the newest of this one.
  final void append(E entry) {
    AgeLink<E> link = entry;
    link.older = older;
    link.newer = this;
    older.newer = link;
    older = link;
  }

  /// Takes an entry out of its list.
  final void unchain() {
    older.newer = newer;
    newer.older = older;
    older = this;
    newer = this;
  }
}
