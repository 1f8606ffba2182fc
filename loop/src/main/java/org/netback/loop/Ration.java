package org.netback.loop;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/// What may be told of things that repeat: of each kind one in a window of time, with the number of
/// those withheld meanwhile. Keeps one entry for each kind until [#over] or [#forget] takes it
/// away, so its owner bounds the kinds. One thread at a time; the time is the owner's, in
/// nanoseconds, and may wrap.
///
/// @param <K> what makes two things the same kind, by equals
/// @param <T> a thing that happened
public final class Ration<K, T> {
  private final long windowNanos;
  private final Map<K, Told<T>> told = new HashMap<>();

  /// Since when a kind counts as told, and what came of it since.
  private static final class Told<T> {
    private final long since;
    private T last;
    private long withheld;

    Told(long since, T last) {
      this.since = since;
      this.last = last;
    }
  }

  /// Things of a kind that were not told.
  ///
  /// @param last the newest of them
  /// @param count at least 1
  public record Withheld<T>(T last, long count) {}

  /// @param windowNanos things of a kind are told once in this time
  public Ration(long windowNanos) {
    this.windowNanos = windowNanos;
  }

  /// Things of a kind are told once, until the kind is forgotten.
  public static <K, T> Ration<K, T> untilForgotten() {
    return new Ration<>(Long.MAX_VALUE);
  }

  /// Judges a thing that has just happened.
  ///
  /// @return how many of its kind were withheld before it, or -1 if it is withheld too
  public long admit(K kind, T thing, long nowNanos) {
    Told<T> before = told.get(kind);
    if (before == null || isOver(before, nowNanos)) {
      told.put(kind, new Told<>(nowNanos, thing));
      return before == null ? 0 : before.withheld;
    }
    before.last = thing;
    before.withheld++;
    return -1;
  }

  /// Forgets the kinds whose window is over.
  ///
  /// @return what was withheld of them and is not going to be counted by [#admit] any more
  public List<Withheld<T>> over(long nowNanos) {
    List<Withheld<T>> withheld = new ArrayList<>();
    Iterator<Told<T>> all = told.values().iterator();
    while (all.hasNext()) {
      Told<T> one = all.next();
      if (isOver(one, nowNanos)) {
        all.remove();
        if (one.withheld > 0) {
          withheld.add(new Withheld<>(one.last, one.withheld));
        }
      }
    }
    return withheld;
  }

  /// Has the next thing of these kinds told.
  public void forget(Predicate<K> kinds) {
    told.keySet().removeIf(kinds);
  }

  /// Whether a kind was told and is not forgotten.
  public boolean knows(K kind) {
    return told.containsKey(kind);
  }

  /// Kinds that are not forgotten.
  public int size() {
    return told.size();
  }

  private boolean isOver(Told<T> one, long nowNanos) {
    return nowNanos - one.since >= windowNanos;
  }
}
