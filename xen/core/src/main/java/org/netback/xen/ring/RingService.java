package org.netback.xen.ring;

import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.netback.loop.EventLoop;
import org.netback.loop.Polled;
import org.netback.xen.event.EventChannel;

/// Serves one ring of a guest's: looks at what is there when it is started, when the guest
/// notifies, while the loop lingers and when the [Round] has asked for it, has the round done, and
/// asks to be notified before it rests. What a device class does in a round is all that is its own.
/// A round and its service need each other, since the round notifies: the round makes the service
/// in its constructor, last.
///
/// Rounds run on the service's loop, under the guard; [Round#round] never runs twice at a time. A
/// ring violation, or whatever else a round throws, ends the service: the round is told
/// ([Round#ended]), then the device's owner, who fails the device.
///
/// A guest that notifies without having put anything since its last notification is found out
/// ([#onEvent]), and slowed down by the ground. What a round of our own has taken before counts as
/// put; so does anything while the service is not running.
public final class RingService implements Polled, AutoCloseable {
  /// [Round#round]: nothing was there. Only a loop that lingers tells it from [#DONE].
  public static final long IDLE = 0;

  /// [Round#round]: there was work, and it is worth looking for more before the guest is asked to
  /// notify.
  public static final long WORKED = -1;

  /// [Round#round]: there was work, and the guest is asked to notify of more at once.
  public static final long DONE = -2;

  private static final long CLOSE_SECONDS = 5;

  private final RingEnd ring;
  private final EventLoop loop;
  private final Round round;
  private final Consumer<Throwable> failure;
  private final ReentrantLock guard;
  private final RingCounters counters = new RingCounters();
  private final Runnable resume = this::resume;
  private final Runnable waited = this::waited;
  private EventChannel channel = Unbound.CHANNEL;
  private volatile State state = State.NEW;
  private boolean ended;
  private boolean resumeQueued;

  /// An event ahead of the first look may be about what a backend before this one took.
  private boolean looked;

  private boolean lingers;
  private boolean waits;
  private EventLoop.Timer timer = () -> {};

  /// Up to where the guest is known to have put something, and had when it notified last.
  private int seen;

  private int seenAtLastEvent;

  /// What a device class does with a ring. Every method is called under the service's guard.
  public interface Round {
    /// Does a bounded part of what is there, or nothing. What it puts it pushes before it returns,
    /// and notifies the guest ([RingService#notifyPeer()]) if the push says so.
    ///
    /// @param available requests (octets, events) that wait and may be consumed; 0 after an event
    ///   without any
    /// @return [RingService#IDLE], [RingService#WORKED] or [RingService#DONE], after which what is
    ///   left is looked at again; or nanoseconds, positive, for which nothing is to be done
    /// @throws RingViolation what is in the ring cannot be believed
    long round(int available) throws RingViolation;

    /// Called once before the first round, when the guest's end may have lost a backend before this
    /// one.
    ///
    /// @return whether the guest is to be notified
    default boolean begin() throws RingViolation {
      return false;
    }

    /// How many requests have to wait, of those not consumed, for a round to be of use; the guest
    /// is asked to notify of that many. 0 if it need not.
    default int wanted() {
      return 1;
    }

    /// The service has ended, by itself or by its owner; called once, and no round comes after it.
    default void ended() {}
  }

  /// @param guard held while a round runs; a class may hold it for work of its own on the ring
  /// @param failure told once, under the guard, what ended the service: a [RingViolation], or a
  ///   fault of ours
  public RingService(
      RingEnd ring, EventLoop loop, ReentrantLock guard, Round round, Consumer<Throwable> failure) {
    this.ring = ring;
    this.loop = loop;
    this.guard = guard;
    this.round = round;
    this.failure = failure;
    this.seen = ring.progress();
    this.seenAtLastEvent = seen;
  }

  /// The same, with a guard of its own.
  public RingService(RingEnd ring, EventLoop loop, Round round, Consumer<Throwable> failure) {
    this(ring, loop, new ReentrantLock(), round, failure);
  }

  /// Begins to serve. Looks at the ring once, since no event will come for what is in it already.
  /// Any thread; once.
  public void start(EventChannel notify) {
    guard.lock();
    try {
      channel = notify;
      if (state == State.NEW) {
        state = State.RUNNING;
      }
      resumeQueued = true;
      boolean owed = ring.owesNotification();
      if (round.begin() || owed) {
        notifyPeer();
      }
    } catch (Throwable e) {
      fail(e);
    } finally {
      guard.unlock();
    }
    loop.execute(resume);
  }

  /// Ends the service: when this has returned, no round runs and none will. Any thread; idempotent.
  ///
  /// A round that does not come to its end within 5 s is left behind: it finds its mappings closed,
  /// and the round is told of the end when the guard is free.
  @Override
  public void close() {
    boolean quiet = false;
    try {
      quiet = guard.tryLock(CLOSE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    state = State.STOPPED;
    if (quiet) {
      try {
        end();
      } finally {
        guard.unlock();
      }
    } else {
      endLater();
    }
  }

  private void endLater() {
    try {
      loop.execute(
          () -> {
            guard.lock();
            try {
              end();
            } finally {
              guard.unlock();
            }
          });
    } catch (RejectedExecutionException e) {
      // The loop has ended, and what waits for its end with it.
      return;
    }
  }

  /// Begins no further round, without waiting for one under way; to be closed all the same. Any
  /// thread.
  public void halt() {
    state = State.STOPPED;
  }

  /// Whether rounds may run. Any thread.
  public boolean isRunning() {
    return state == State.RUNNING;
  }

  /// The guest has notified: the channel's handler, on the loop.
  ///
  /// @return whether it had put something since its last notification
  public boolean onEvent() {
    guard.lock();
    try {
      counters.events++;
      run();
      boolean put = seen != seenAtLastEvent || !looked || state != State.RUNNING;
      seenAtLastEvent = seen;
      if (!put) {
        counters.spuriousEvents++;
      }
      return put;
    } finally {
      guard.unlock();
    }
  }

  /// Has a round done soon, whatever the ring says. Any thread.
  public void wake() {
    guard.lock();
    try {
      resumeSoon();
    } finally {
      guard.unlock();
    }
  }

  @Override
  public boolean poll() {
    guard.lock();
    try {
      if (state != State.RUNNING || waits) {
        return false;
      }
      int available = look();
      if (available == 0) {
        return false;
      }
      return work(available) != IDLE;
    } catch (Throwable e) {
      fail(e);
      return true;
    } finally {
      guard.unlock();
    }
  }

  @Override
  public void arm() {
    guard.lock();
    try {
      lingers = false;
      if (state == State.RUNNING && !waits) {
        sleep();
      }
    } catch (Throwable e) {
      fail(e);
    } finally {
      guard.unlock();
    }
  }

  private void resume() {
    guard.lock();
    try {
      resumeQueued = false;
      looked = true;
      run();
    } finally {
      guard.unlock();
    }
  }

  private void waited() {
    guard.lock();
    try {
      waits = false;
      run();
    } finally {
      guard.unlock();
    }
  }

  private void run() {
    if (state != State.RUNNING) {
      return;
    }
    try {
      int available = look();
      if (!waits) {
        work(available);
      }
    } catch (Throwable e) {
      fail(e);
    }
  }

  private int look() throws RingViolation {
    int available = ring.waiting();
    seen = ring.progress();
    return available;
  }

  private long work(int available) throws RingViolation {
    long outcome = round.round(available);
    rest(outcome);
    return outcome;
  }

  /// Goes on as a round has said: for rounds that a class does on its own, under the guard.
  public void rest(long outcome) throws RingViolation {
    if (state != State.RUNNING) {
      return;
    }
    if (ring.holdsBack()) {
      throw new IllegalStateException(
          round.getClass().getName() + " has put responses and not pushed them");
    }
    if (outcome > 0) {
      waits = true;
      timer = loop.schedule(outcome, waited);
      return;
    }
    if (lingers) {
      return;
    }
    // Not for an event without requests, or a guest could keep the loop awake by those.
    lingers = outcome == WORKED && loop.inLoop() && loop.linger(this);
    if (!lingers) {
      sleep();
    }
  }

  /// Asks to be notified, if nothing is left that a round could do.
  private void sleep() throws RingViolation {
    int wanted = round.wanted();
    if (resumeQueued || wanted == 0) {
      return;
    }
    // What is found here is not seen yet: the guest may be about to notify of it.
    if (ring.waiting() < wanted) {
      ring.ask(wanted);
      if (ring.waiting() < wanted) {
        return;
      }
    }
    resumeSoon();
  }

  private void resumeSoon() {
    if (!resumeQueued) {
      resumeQueued = true;
      loop.execute(resume);
    }
  }

  /// Notifies the guest. Under the guard.
  public void notifyPeer() {
    counters.notifications++;
    channel.notifyPeer();
  }

  /// Ends the service for a fault that has been met outside of a round. Under the guard.
  public void fail(Throwable e) {
    state = State.STOPPED;
    end();
    failure.accept(e);
  }

  private void end() {
    timer.cancel();
    if (!ended) {
      ended = true;
      round.ended();
    }
  }

  /// What has happened so far.
  public RingCounters counters() {
    return counters;
  }

  private enum State {
    NEW,
    RUNNING,
    STOPPED
  }
}
