package org.netback.xen.store;

import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.SequencedSet;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.netback.loop.InternalErrors;
import org.netback.xen.store.XenStore.Watcher;

/// Watch events between the transport's thread, where they arrive, and the executor, where they are
/// told.
///
/// A guest can make events without end by writing its own nodes (XSA-349). What is pending is
/// therefore a set: a change of a path that already waits to be told adds nothing, since the
/// watcher reads the newest value anyway. And a watch with very many different paths pending has
/// them replaced by the one path it watches, which every watcher must take as "look at all of it":
/// xenstored says the same when a whole tree is removed.
final class WatchEvents {
  /// Paths of one watch that may wait to be told.
  private static final int PATHS_PER_WATCH = 1024;

  /// Events told in one go, before others may use the executor.
  private static final int ROUND = 64;

  private final Executor executor;
  private final InternalErrors errors;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<String, Registration> registrations = new HashMap<>();
  private final SequencedSet<Event> pending = new LinkedHashSet<>();
  private boolean scheduled;
  private long tokensMade;

  WatchEvents(Executor executor, InternalErrors errors) {
    this.executor = executor;
    this.errors = errors;
  }

  Registration add(String path, Watcher watcher) {
    lock.lock();
    try {
      Registration registration = new Registration("w" + tokensMade++, path, watcher);
      registrations.put(registration.token, registration);
      return registration;
    } finally {
      lock.unlock();
    }
  }

  /// Nothing is told to the watcher any more, except what its thread is being told right now.
  ///
  /// @return false if it had been removed before
  boolean remove(Registration registration) {
    lock.lock();
    try {
      boolean known = registrations.remove(registration.token, registration);
      dropPending(registration);
      return known;
    } finally {
      lock.unlock();
    }
  }

  /// An event has arrived.
  void occurred(String path, String token) {
    boolean schedule;
    lock.lock();
    try {
      Registration registration = registrations.get(token);
      if (registration == null) {
        return;
      }
      if (registration.pendingPaths >= PATHS_PER_WATCH) {
        dropPending(registration);
        enqueue(new Event(registration, registration.path));
      } else {
        enqueue(new Event(registration, path));
      }
      schedule = !scheduled;
      scheduled = true;
    } finally {
      lock.unlock();
    }
    if (schedule) {
      scheduleTelling();
    }
  }

  private void enqueue(Event event) {
    if (pending.add(event)) {
      event.registration.pendingPaths++;
    }
  }

  private void dropPending(Registration registration) {
    pending.removeIf(event -> event.registration.equals(registration));
    registration.pendingPaths = 0;
  }

  private void tell() {
    try {
      for (int i = 0; i < ROUND; i++) {
        Event event = takeFirst();
        if (event == null) {
          return;
        }
        tell(event);
      }
    } finally {
      rescheduleIfPending();
    }
  }

  /// The others' events must not be stuck behind a watcher that throws.
  private void tell(Event event) {
    try {
      event.registration.watcher.changed(event.path);
    } catch (Throwable e) {
      errors.record("watch of " + event.registration.path, e);
    }
  }

  private void scheduleTelling() {
    try {
      executor.execute(this::tell);
    } catch (RejectedExecutionException e) {
      // Whoever owns the store is letting go of it, and wants to be told nothing any more.
      return;
    }
  }

  private @Nullable Event takeFirst() {
    lock.lock();
    try {
      if (pending.isEmpty()) {
        return null;
      }
      Event event = pending.removeFirst();
      event.registration.pendingPaths--;
      return event;
    } finally {
      lock.unlock();
    }
  }

  private void rescheduleIfPending() {
    boolean again;
    lock.lock();
    try {
      again = !pending.isEmpty();
      scheduled = again;
    } finally {
      lock.unlock();
    }
    if (again) {
      scheduleTelling();
    }
  }

  /// One watch. Compared by identity.
  static final class Registration {
    private final String token;
    private final String path;
    private final Watcher watcher;
    private int pendingPaths;

    private Registration(String token, String path, Watcher watcher) {
      this.token = token;
      this.path = path;
      this.watcher = watcher;
    }

    String token() {
      return token;
    }
  }

  private record Event(Registration registration, String path) {}
}
