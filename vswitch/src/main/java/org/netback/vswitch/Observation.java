package org.netback.vswitch;

import java.util.Optional;
import java.util.function.Predicate;

/// That an [Observer] is shown what passes some ports. It begins with the next round or batch of
/// each of them, ports that are attached later included, and ends by [#close] or by what the
/// observer throws. Any thread.
public final class Observation implements AutoCloseable {
  /// Stands in when the observation has ended.
  private static final Observer NOBODY =
      new Observer() {
        @Override
        public String name() {
          return "nobody";
        }

        @Override
        public int snapLength() {
          return 0;
        }
      };

  private final Observers registry;
  private final Predicate<SwitchPort> scope;
  private final String name;
  private final int snapLength;
  private volatile Observer observer;

  /// Guarded by this.
  private boolean ended;

  private volatile Optional<Throwable> fault = Optional.empty();

  Observation(Observers registry, Predicate<SwitchPort> scope, Observer observer) {
    this.registry = registry;
    this.scope = scope;
    this.name = observer.name();
    this.snapLength = observer.snapLength();
    this.observer = observer;
  }

  boolean covers(SwitchPort port) {
    return scope.test(port);
  }

  Observer observer() {
    return observer;
  }

  int snapLength() {
    return snapLength;
  }

  String name() {
    return name;
  }

  /// The observer has thrown.
  void fail(Throwable thrown) {
    if (end(Optional.of(thrown))) {
      registry.fault(this, thrown);
    }
  }

  /// What the observer has thrown, if that has ended the observation.
  public Optional<Throwable> fault() {
    return fault;
  }

  /// Ends it. Calls of the observer that are under way on other threads may last a moment longer.
  /// Idempotent.
  @Override
  public void close() {
    boolean _ = end(Optional.empty());
  }

  /// @return false if it has ended before
  private boolean end(Optional<Throwable> by) {
    synchronized (this) {
      if (ended) {
        return false;
      }
      ended = true;
      fault = by;
      observer = NOBODY;
    }
    registry.remove(this);
    return true;
  }
}
