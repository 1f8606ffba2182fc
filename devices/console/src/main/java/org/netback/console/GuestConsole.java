package org.netback.console;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.netback.loop.Closing;
import org.netback.loop.EventLoop;
import org.netback.xen.ring.ByteRing;
import org.netback.xen.ring.RingService;
import org.netback.xen.ring.RingViolation;

/// One console of a guest, connected: takes what the guest puts to the log and to all viewers, and
/// gives the guest what the writer sends.
///
/// What the guest has put is in the log before its room in the ring is given back, so a process
/// that is killed loses nothing that it has taken. Another thread writes the log, and the loop does
/// not wait for it. If the disk hangs, the guest waits, and nobody else. Where output may be lost,
/// it waits for a second; then it goes on, and its log loses what exceeds [LogFeed#BOUND].
///
/// One viewer at a time is the writer; input of others is not taken. The last that has asked to
/// write is it, and when it goes, the one before. Input that the guest does not take waits, up to
/// 64 KiB; then the writer has to wait.
///
/// A guest that notifies more often in 200 ms than it may, or from which something was taken more
/// often, is looked at no more until these are over: what it puts stays in its ring. xenconsoled
/// allows 30 times.
///
/// Any thread may call the public methods; the guard of the ring's service guards all of it. No
/// viewer that is called under it waits for anything.
public final class GuestConsole implements RingService.Round {
  /// In which a guest has its events.
  static final long PERIOD_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

  static final int PENDING_INPUT = 64 * 1024;

  /// The most octets that a viewer is given at once.
  static final int CHUNK = 2048;

  /// After which a log that is not written hangs.
  static final long LOG_PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(1);

  /// Between two complaints about it.
  private static final long COMPLAINT_NANOS = TimeUnit.SECONDS.toNanos(10);

  private final ByteRing ring;
  private final EventLoop loop;
  private final Overflow overflow;
  private final int eventsAllowed;
  private final ConsoleLog log;
  private final Optional<LogFeed> feed;
  private final Scrollback scrollback;
  private final ReentrantLock guard = new ReentrantLock();
  private final RingService service;
  private final List<Viewer> viewers = new CopyOnWriteArrayList<>();

  /// Those who have asked to write, the present one last.
  private final List<Viewer> writers = new CopyOnWriteArrayList<>();

  private final OctetQueue input = new OctetQueue(PENDING_INPUT);
  private final byte[] chunk = new byte[CHUNK];
  private boolean refusedInput;

  /// Octets at the head of the guest's ring that log and viewers have been given. Their room is the
  /// guest's when the log is written.
  private int unsettled;

  /// Whether the log hangs: it has not been written for too long.
  private boolean logHangs;

  private EventLoop.Timer logPatience = () -> {};
  private boolean complained;
  private long complainedAt;

  /// Whether a viewer holds the guest back.
  private boolean held;

  private long periodStart;
  private long eventsAtPeriodStart;

  /// Rounds of the period that have taken something: a guest need not notify to keep a loop busy.
  private int takings;

  private final AtomicLong fromGuest = new AtomicLong();
  private final AtomicLong toGuest = new AtomicLong();
  private final AtomicLong timesHeld = new AtomicLong();
  private boolean over;

  /// @param ring the backend's end
  /// @param log closed with this
  /// @param writers who write it
  /// @param failure the service's
  GuestConsole(
      ByteRing ring,
      EventLoop loop,
      ConsoleSettings settings,
      ConsoleLog log,
      LogWriters writers,
      Consumer<Throwable> failure) {
    this.ring = ring;
    this.loop = loop;
    this.overflow = settings.overflow();
    this.eventsAllowed = settings.events();
    this.log = log;
    this.feed = log.path().map(file -> new LogFeed(log, file, writers, this::logWritten));
    this.scrollback = new Scrollback(settings.scrollback());
    this.service = new RingService(ring, loop, guard, this, failure);
    this.periodStart = loop.nanoTime();
  }

  RingService service() {
    return service;
  }

  @Override
  public long round(int available) throws RingViolation {
    int settled = settle();
    long wait = mustWait();
    if (wait > 0) {
      if (settled > 0) {
        service.notifyPeer();
      }
      return wait;
    }
    boolean moved = settled > 0;
    moved |= take(available - settled);
    moved |= give();
    if (moved) {
      service.notifyPeer();
    }
    return moved ? RingService.DONE : RingService.IDLE;
  }

  private long mustWait() {
    long now = loop.nanoTime();
    long events = service.counters().events();
    if (now - periodStart >= PERIOD_NANOS) {
      periodStart = now;
      eventsAtPeriodStart = events;
      takings = 0;
    }
    return Math.max(events - eventsAtPeriodStart, takings) > eventsAllowed
        ? periodStart + PERIOD_NANOS - now
        : 0;
  }

  private boolean take(int available) {
    int left = available;
    boolean moved = false;
    boolean full = false;
    while (left > 0 && unsettled == 0 && !full) {
      full = mustHold();
      if (!full) {
        int count = ring.peek(chunk, 0, Math.min(left, CHUNK));
        show(count);
        left -= count;
        moved |= settle() > 0;
      }
    }
    if (full && !held) {
      timesHeld.incrementAndGet();
    }
    held = full;
    if (left < available) {
      takings++;
      if (unsettled > 0) {
        logPatience = loop.schedule(LOG_PATIENCE_NANOS, this::logIsLate);
      }
    }
    return moved;
  }

  /// Gives log and viewers what has been copied out of the ring.
  private void show(int count) {
    feed.ifPresent(each -> each.add(chunk, count));
    scrollback.add(chunk, count);
    for (Viewer viewer : viewers) {
      viewer.output(chunk, count);
    }
    unsettled = count;
  }

  /// Gives the guest the room of what was shown, if the log is written or is not waited for.
  ///
  /// @return octets
  private int settle() {
    int count = unsettled;
    boolean written = feed.map(LogFeed::isWritten).orElse(true);
    logHangs &= !written;
    if (count == 0 || !written && !(logHangs && overflow == Overflow.DISCARD)) {
      return 0;
    }
    if (written) {
      logPatience.cancel();
    }
    unsettled = 0;
    ring.consume(count);
    fromGuest.addAndGet(count);
    return count;
  }

  /// At once, on the thread that writes: what is written and not settled yet, a successor of a
  /// process that is killed would log again.
  private void logWritten() {
    guard.lock();
    try {
      if (!over && settle() > 0) {
        service.notifyPeer();
      }
    } catch (Throwable e) {
      service.fail(e); // the page may have gone meanwhile
    } finally {
      guard.unlock();
    }
    goOn();
  }

  private void logIsLate() {
    guard.lock();
    try {
      if (over || unsettled == 0 || feed.map(LogFeed::isWritten).orElse(true)) {
        return;
      }
      logHangs = true;
      timesHeld.incrementAndGet();
      long now = loop.nanoTime();
      if (!complained || now - complainedAt >= COMPLAINT_NANOS) {
        complained = true;
        complainedAt = now;
        log.tellLate();
      }
    } finally {
      guard.unlock();
    }
    goOn();
  }

  private boolean mustHold() {
    return overflow == Overflow.KEEP && viewers.stream().anyMatch(Viewer::isFull);
  }

  private boolean give() throws RingViolation {
    boolean gave = false;
    while (!input.isEmpty()) {
      int count = ring.put(chunk, 0, input.peek(chunk));
      if (count == 0) {
        break;
      }
      input.remove(count);
      toGuest.addAndGet(count);
      gave = true;
    }
    if (input.room() > 0) {
      letWriterGoOn();
    }
    return gave;
  }

  /// Has whoever writes offer once more what was not taken.
  private void letWriterGoOn() {
    if (refusedInput) {
      refusedInput = false;
      writer().ifPresent(Viewer::inputAccepted);
    }
  }

  /// While it is held back, nothing that the guest puts is of use.
  @Override
  public int wanted() {
    return held || unsettled > 0 ? 0 : 1;
  }

  /// A viewer that was full is so no more.
  public void goOn() {
    service.wake();
  }

  /// Has something done on the consoles' loop, outside of the guard.
  public void later(Runnable work) {
    try {
      loop.execute(work);
    } catch (RejectedExecutionException e) {
      // The loop has ended, and all consoles with it.
      return;
    }
  }

  /// What there was before, as far as it is kept, with control sequences taken out.
  public byte[] past() {
    byte[] octets;
    guard.lock();
    try {
      octets = scrollback.octets();
    } finally {
      guard.unlock();
    }
    return Scrollback.text(octets);
  }

  /// Sends the guest octets of somebody who is no viewer, all or none.
  ///
  /// @return false if the guest does not take what was sent before, or the console has gone
  public boolean send(byte[] octets) {
    guard.lock();
    try {
      if (over || input.room() < octets.length) {
        return false;
      }
      input.add(octets, 0, octets.length);
      return true;
    } finally {
      guard.unlock();
      goOn();
    }
  }

  /// Lets somebody look, who is first shown the end of what there was before, as [#past] has it.
  ///
  /// @param writes whether it is the writer from now on
  /// @return false if the console has gone
  public boolean attach(Viewer viewer, boolean writes) {
    guard.lock();
    try {
      if (over) {
        return false;
      }
      scrollback.show(viewer);
      viewers.add(viewer);
      if (writes) {
        // The rest of what the one before has sent is taken, and lost: whoever waits with it hears
        // of nothing else, its own end included.
        letWriterGoOn();
        writers.add(viewer);
      }
      return true;
    } finally {
      guard.unlock();
    }
  }

  /// Ends a viewer's part. Idempotent.
  public void detach(Viewer viewer) {
    guard.lock();
    try {
      // The next one has nothing that was refused: that was lost when it stopped to be the writer.
      refusedInput &= !isWriter(viewer);
      viewers.remove(viewer);
      writers.remove(viewer);
    } finally {
      guard.unlock();
    }
    // It may have been the one that held the guest back.
    goOn();
  }

  private Optional<Viewer> writer() {
    List<Viewer> now = List.copyOf(writers);
    return now.isEmpty() ? Optional.empty() : Optional.of(now.getLast());
  }

  /// Whether a viewer's input is taken.
  boolean isWriter(Viewer viewer) {
    guard.lock();
    try {
      return writer().filter(viewer::equals).isPresent();
    } finally {
      guard.unlock();
    }
  }

  /// Sends the guest octets of a viewer's.
  ///
  /// @return how many were taken: all that come of a viewer that is not the writer, and are lost;
  ///   of the writer as many as there is room for, who is told ([Viewer#inputAccepted]) when there
  ///   is more
  public int input(Viewer from, byte[] octets, int at, int length) {
    guard.lock();
    try {
      if (over || writer().filter(from::equals).isEmpty()) {
        return length;
      }
      int taken = input.add(octets, at, length);
      refusedInput |= taken < length;
      return taken;
    } finally {
      guard.unlock();
      goOn();
    }
  }

  @Override
  public void ended() {
    over = true;
    logPatience.cancel();
    Closing.all(this::settleForSuccessor, this::tellOfEnd, () -> feed.ifPresent(LogFeed::close));
  }

  /// What is logged and not settled, a successor would log again.
  private void settleForSuccessor() {
    if (unsettled > 0 && !loop.inLoop()) {
      feed.ifPresent(LogFeed::awaitWritten);
      settle();
    }
  }

  private void tellOfEnd() {
    List<Viewer> all = List.copyOf(viewers);
    viewers.clear();
    writers.clear();
    all.forEach(viewer -> viewer.closed("the guest's console has gone"));
    input.clear();
  }

  /// Has the log file opened anew, which something may have moved away.
  void reopenLog() {
    guard.lock();
    try {
      if (!over) {
        feed.ifPresent(LogFeed::reopen);
      }
    } finally {
      guard.unlock();
    }
  }

  /// @param id of the console
  ConsoleStatistics statistics(ConsoleId id, String guest, String tty) {
    return new ConsoleStatistics(
        id.toString(),
        guest,
        id.domid(),
        id.number(),
        viewers.stream().map(Viewer::name).toList(),
        writer().map(Viewer::name).orElse(""),
        fromGuest.get(),
        toGuest.get(),
        timesHeld.get(),
        log.lost(),
        tty);
  }
}
