package org.netback.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.netback.loop.SteppedLoop;
import org.netback.xen.event.CountedChannel;
import org.netback.xen.io.console.ConsolePage;
import org.netback.xen.ring.ByteRing;
import org.netback.xen.ring.RingViolation;

/// A console on a page and a loop that is stepped, with viewers that the test fills and empties.
class GuestConsoleTest {
  @TempDir private Path directory;
  private final MemorySegment page = Arena.ofAuto().allocate(4096, 4096);
  private final SteppedLoop loop = new SteppedLoop();
  private final List<Throwable> failures = new ArrayList<>();
  private final List<String> complaints = new ArrayList<>();
  private int notifiedAtStart;

  /// A disk that answers at once, until the test has it hang.
  private final Disk disk = new Disk();

  private static final class Disk {
    private final Deque<Runnable> waiting = new ArrayDeque<>();
    private boolean hangs;

    private void execute(Runnable work) {
      if (hangs) {
        waiting.add(work);
      } else {
        work.run();
      }
    }

    private void goOn() {
      hangs = false;
      while (!waiting.isEmpty()) {
        waiting.remove().run();
      }
    }
  }

  private final CountedChannel channel = new CountedChannel();

  private static class Watcher implements Viewer {
    private final ByteArrayOutputStream seen = new ByteArrayOutputStream();
    private boolean full;
    private int accepted;
    private String ended = "";

    @Override
    public String name() {
      return "watcher";
    }

    @Override
    public void output(byte[] octets, int length) {
      seen.write(octets, 0, length);
    }

    @Override
    public boolean isFull() {
      return full;
    }

    @Override
    public void inputAccepted() {
      accepted++;
    }

    @Override
    public void closed(String reason) {
      ended = reason;
    }

    private String text() {
      return seen.toString(StandardCharsets.US_ASCII);
    }
  }

  private final LogWriters writers = new LogWriters(disk::execute, loop.errors(), loop::nanoTime);

  private GuestConsole open(Overflow overflow) throws RingViolation {
    return open(overflow, page);
  }

  private GuestConsole open(Overflow overflow, MemorySegment shared) throws RingViolation {
    LogSettings log = new LogSettings(Optional.of(directory), false, true, 0, Duration.ZERO, 0);
    GuestConsole console =
        new GuestConsole(
            ConsolePage.backend(shared),
            loop,
            new ConsoleSettings(
                Set.of(), overflow, ConsoleSettings.USUAL_EVENTS, 10, false, false, log),
            new ConsoleLog(
                log, "guest-guest", InstantSource.system(), ZoneOffset.UTC, complaints::add),
            writers,
            failures::add);
    console.service().start(channel);
    loop.runReady();
    notifiedAtStart = channel.notified();
    return console;
  }

  private ByteRing guest() throws RingViolation {
    return ConsolePage.frontend(page);
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private void put(ByteRing guest, String text) throws RingViolation {
    assertThat(guest.put(ascii(text), 0, text.length())).isEqualTo(text.length());
  }

  private static String take(ByteRing guest) throws RingViolation {
    byte[] octets = new byte[guest.waiting()];
    guest.peek(octets, 0, octets.length);
    guest.consume(octets.length);
    return new String(octets, StandardCharsets.US_ASCII);
  }

  private String log() throws IOException {
    Path file = directory.resolve("guest-guest.log");
    return Files.exists(file) ? Files.readString(file) : "";
  }

  @Test
  void givesWhatTheGuestPutsToTheLogAndToAll() throws Exception {
    GuestConsole console = open(Overflow.KEEP);
    Watcher one = new Watcher();
    Watcher two = new Watcher();
    console.attach(one, true);
    console.attach(two, false);
    put(guest(), "login: ");
    assertThat(console.service().onEvent()).isTrue();
    assertThat(one.text()).isEqualTo(two.text()).isEqualTo(log()).isEqualTo("login: ");
    assertThat(channel.notified() - notifiedAtStart).isEqualTo(1);
    assertThat(guest().room()).isEqualTo(2048);
  }

  @Test
  void showsTheEndOfWhatWasBeforeToWhoComesLate() throws Exception {
    GuestConsole console = open(Overflow.KEEP);
    put(guest(), "0123456789abcdef");
    console.service().onEvent();
    Watcher late = new Watcher();
    assertThat(console.attach(late, false)).isTrue();
    assertThat(late.text()).isEqualTo("6789abcdef");
  }

  @Test
  void takesWhatWasThereBeforeIt() throws Exception {
    put(guest(), "booting");
    open(Overflow.KEEP);
    assertThat(log()).isEqualTo("booting");
  }

  @Test
  void holdsTheGuestBackWhileAViewerIsFullIfNothingMayBeLost() throws Exception {
    GuestConsole console = open(Overflow.KEEP);
    Watcher slow = new Watcher();
    console.attach(slow, false);
    slow.full = true;
    ByteRing guest = guest();
    put(guest, "x".repeat(2048));
    console.service().onEvent();
    loop.runReady();
    assertThat(slow.text()).isEmpty();
    assertThat(guest.room()).isZero();
    assertThat(console.statistics(new ConsoleId(1, 0), "g", "").held()).isEqualTo(1);
    // Events change nothing, and are the guest's to answer for.
    console.service().onEvent();
    assertThat(console.service().onEvent()).isFalse();
    slow.full = false;
    console.goOn();
    loop.runReady();
    assertThat(slow.text()).hasSize(2048);
    assertThat(log()).hasSize(2048);
    assertThat(guest.room()).isEqualTo(2048);
  }

  @Test
  void goesOnWhenTheOneThatHeldItBackLeaves() throws Exception {
    GuestConsole console = open(Overflow.KEEP);
    Watcher slow = new Watcher();
    console.attach(slow, false);
    slow.full = true;
    put(guest(), "waits");
    console.service().onEvent();
    console.detach(slow);
    loop.runReady();
    assertThat(log()).isEqualTo("waits");
  }

  @Test
  void goesOnWithoutAFullViewerWhereOutputMayBeLost() throws Exception {
    GuestConsole console = open(Overflow.DISCARD);
    Watcher slow = new Watcher();
    console.attach(slow, false);
    slow.full = true;
    put(guest(), "goes on");
    console.service().onEvent();
    assertThat(slow.text()).isEqualTo("goes on");
  }

  @Test
  void takesInputOfTheLastWhoAskedToWriteAndOfNoOther() throws Exception {
    GuestConsole console = open(Overflow.KEEP);
    Watcher first = new Watcher();
    Watcher reader = new Watcher();
    Watcher second = new Watcher();
    console.attach(first, true);
    console.attach(reader, false);
    assertThat(console.input(first, ascii("a"), 0, 1)).isEqualTo(1);
    assertThat(console.input(reader, ascii("b"), 0, 1)).isEqualTo(1);
    console.attach(second, true);
    assertThat(console.isWriter(first)).isFalse();
    assertThat(console.input(first, ascii("c"), 0, 1)).isEqualTo(1);
    assertThat(console.input(second, ascii("d"), 0, 1)).isEqualTo(1);
    console.detach(second);
    assertThat(console.isWriter(first)).isTrue();
    assertThat(console.input(first, ascii("e"), 0, 1)).isEqualTo(1);
    loop.runReady();
    assertThat(take(guest())).isEqualTo("ade");
  }

  @Test
  void keepsInputThatTheGuestDoesNotTakeUpToABound() throws Exception {
    GuestConsole console = open(Overflow.KEEP);
    Watcher writer = new Watcher();
    console.attach(writer, true);
    byte[] much = new byte[100_000];
    for (int i = 0; i < much.length; i++) {
      much[i] = (byte) ('a' + i % 26);
    }
    int taken = console.input(writer, much, 0, much.length);
    assertThat(taken).isEqualTo(GuestConsole.PENDING_INPUT);
    loop.runReady();
    assertThat(writer.accepted).isEqualTo(1);
    ByteRing guest = guest();
    StringBuilder received = new StringBuilder();
    while (received.length() < much.length) {
      taken += console.input(writer, much, taken, much.length - taken);
      received.append(take(guest));
      console.service().onEvent();
      loop.runReady();
      // A guest that reads has done something, though it has put nothing.
      assertThat(console.service().counters().spuriousEvents()).isZero();
      loop.advance(GuestConsole.PERIOD_NANOS);
    }
    assertThat(received.toString()).isEqualTo(new String(much, StandardCharsets.US_ASCII));
  }

  @Test
  void looksNoMoreAtAGuestThatNotifiesWithoutPause() throws Exception {
    GuestConsole console = open(Overflow.KEEP);
    ByteRing guest = guest();
    for (int i = 0; i < 1000; i++) {
      put(guest, "x");
      console.service().onEvent();
    }
    loop.runReady();
    assertThat(log()).hasSize(ConsoleSettings.USUAL_EVENTS);
    loop.advance(GuestConsole.PERIOD_NANOS);
    assertThat(log()).hasSize(1000);
    assertThat(failures).isEmpty();
  }

  /// One that never notifies, and refills its ring whenever there is room.
  @Test
  void looksNoMoreAtAGuestThatPutsWithoutPause() throws Exception {
    GuestConsole console = open(Overflow.KEEP);
    ByteRing guest = guest();
    Watcher refilling =
        new Watcher() {
          @Override
          public void output(byte[] octets, int length) {
            super.output(octets, length);
            console.later(
                () -> {
                  try {
                    guest.put(new byte[] {'x'}, 0, 1);
                  } catch (RingViolation e) {
                    throw new IllegalStateException(e);
                  }
                });
          }
        };
    console.attach(refilling, false);
    put(guest, "x");
    console.service().onEvent();
    for (int i = 0; i < 1000; i++) {
      loop.runReady();
      console.goOn();
    }
    assertThat(refilling.seen.size()).isEqualTo(ConsoleSettings.USUAL_EVENTS + 1);
  }

  @Test
  void endsWithABrokenRingAndTellsAll() throws Exception {
    GuestConsole console = open(Overflow.KEEP);
    Watcher viewer = new Watcher();
    console.attach(viewer, true);
    page.set(ValueLayout.JAVA_INT, ConsolePage.OUT.prod(), 2049);
    console.service().onEvent();
    assertThat(failures).singleElement().isInstanceOf(RingViolation.class);
    assertThat(viewer.ended).isEqualTo("the guest's console has gone");
    assertThat(console.attach(new Watcher(), true)).isFalse();
    assertThat(console.input(viewer, ascii("x"), 0, 1)).isEqualTo(1);
    console.detach(viewer);
    console.reopenLog();
    loop.runReady();
    assertThat(complaints).isEmpty();
  }

  /// A successor takes up what this one has not, and nothing twice.
  @Test
  void leavesInTheRingWhatItHasNotTaken() throws Exception {
    GuestConsole first = open(Overflow.KEEP);
    Watcher slow = new Watcher();
    first.attach(slow, false);
    put(guest(), "one,");
    first.service().onEvent();
    slow.full = true;
    put(guest(), "two");
    first.service().onEvent();
    first.service().halt();
    open(Overflow.KEEP);
    assertThat(log()).isEqualTo("one,two");
  }

  /// Nothing is given back that is not in the log: whoever is killed now has lost nothing.
  @Test
  void waitsForItsLogBeforeItGivesRoomBack() throws Exception {
    GuestConsole console = open(Overflow.DISCARD);
    Watcher viewer = new Watcher();
    console.attach(viewer, false);
    disk.hangs = true;
    put(guest(), "x".repeat(2048));
    console.service().onEvent();
    assertThat(viewer.text()).hasSize(2048);
    assertThat(guest().room()).isZero();
    assertThat(statistics(console).fromGuest()).isZero();
    disk.goOn();
    loop.runReady();
    assertThat(log()).hasSize(2048);
    assertThat(guest().room()).isEqualTo(2048);
    assertThat(statistics(console).fromGuest()).isEqualTo(2048);
    assertThat(channel.notified() - notifiedAtStart).isEqualTo(1);
    assertThat(loop.pendingTimers()).isZero();
  }

  private static ConsoleStatistics statistics(GuestConsole console) {
    return console.statistics(new ConsoleId(1, 0), "g", "");
  }

  @Test
  void holdsItsGuestBackForAsLongAsALogHangsIfNothingMayBeLost() throws Exception {
    GuestConsole console = open(Overflow.KEEP);
    disk.hangs = true;
    put(guest(), "first");
    console.service().onEvent();
    put(guest(), ", then");
    for (int second = 0; second < 100; second++) {
      console.service().onEvent();
      loop.advance(GuestConsole.LOG_PATIENCE_NANOS);
    }
    assertThat(complaints)
        .singleElement()
        .asString()
        .endsWith("guest-guest.log hangs: it is waiting for its disk");
    assertThat(statistics(console).held()).isEqualTo(1);
    // Whoever asks for it is given what the guest has put, and may type.
    assertThat(console.past()).asString(StandardCharsets.US_ASCII).isEqualTo("first");
    assertThat(console.send(ascii("typed"))).isTrue();
    loop.runReady();
    assertThat(take(guest())).isEqualTo("typed");
    disk.goOn();
    loop.runReady();
    assertThat(log()).isEqualTo("first, then");
    assertThat(statistics(console).logLost()).isZero();
  }

  /// A program has asked its terminal where the cursor is: the answer of a terminal that is shown
  /// the question later would be typed at the guest.
  @Test
  void whoComesLateIsShownText() throws Exception {
    GuestConsole console = open(Overflow.KEEP);
    put(guest(), "a\u001b[6nb\r\n");
    console.service().onEvent();
    loop.runReady();
    Watcher late = new Watcher();
    assertThat(console.attach(late, true)).isTrue();
    assertThat(late.text()).isEqualTo("ab\r\n");
    put(guest(), "\u001b[6n");
    console.service().onEvent();
    loop.runReady();
    assertThat(late.text()).isEqualTo("ab\r\n\u001b[6n");
  }

  /// A second of waiting, then a bounded number of octets that wait for the disk, and no end of
  /// those that go on to the viewers.
  @Test
  void goesOnWithoutALogThatHangsWhereOutputMayBeLost() throws Exception {
    GuestConsole console = open(Overflow.DISCARD);
    Watcher viewer = new Watcher();
    console.attach(viewer, false);
    disk.hangs = true;
    String block = "0123456789abcdef".repeat(128);
    int blocks = 10 * LogFeed.BOUND / block.length();
    for (int i = 0; i < blocks; i++) {
      put(guest(), block);
      console.service().onEvent();
      loop.advance(GuestConsole.LOG_PATIENCE_NANOS);
    }
    assertThat(viewer.seen.size()).isEqualTo(blocks * block.length());
    assertThat(disk.waiting).hasSize(1);
    assertThat(complaints).hasSize(1);
    long missing = (long) blocks * block.length() - LogFeed.BOUND;
    assertThat(statistics(console).logLost()).isEqualTo(missing);
    disk.goOn();
    loop.runReady();
    put(guest(), "again");
    console.service().onEvent();
    assertThat(log())
        .isEqualTo(
            block.repeat(LogFeed.BOUND / block.length())
                + "["
                + missing
                + " octets are missing here]\nagain");
    // It waits for its log again.
    disk.hangs = true;
    put(guest(), "x");
    console.service().onEvent();
    assertThat(guest().room()).isEqualTo(2047);
  }

  /// Looks in between do not prolong the wait.
  @Test
  void waitsASecondForItsLogHoweverOftenItIsLookedAt() throws Exception {
    GuestConsole console = open(Overflow.DISCARD);
    disk.hangs = true;
    put(guest(), "x");
    console.service().onEvent();
    for (int i = 0; i < 9; i++) {
      loop.advance(GuestConsole.LOG_PATIENCE_NANOS / 10);
      console.service().onEvent();
      console.goOn();
      assertThat(guest().room()).isEqualTo(2047);
    }
    loop.advance(GuestConsole.LOG_PATIENCE_NANOS / 10);
    assertThat(guest().room()).isEqualTo(2048);
    assertThat(loop.pendingTimers()).isZero();
  }

  @Test
  void opensAHungLogAnewWhenItCan() throws Exception {
    GuestConsole console = open(Overflow.KEEP);
    put(guest(), "one");
    console.service().onEvent();
    disk.hangs = true;
    console.reopenLog();
    Files.move(directory.resolve("guest-guest.log"), directory.resolve("moved"));
    put(guest(), "two");
    console.service().onEvent();
    disk.goOn();
    loop.runReady();
    assertThat(log()).isEqualTo("two");
    assertThat(directory.resolve("moved")).hasContent("one");
  }

  /// A guest that connects again and again while its disk hangs has one thread wait there, and no
  /// more.
  @Test
  void costsOneThreadAFileHoweverOftenItsGuestConnects() throws Exception {
    disk.hangs = true;
    for (int i = 0; i < 100; i++) {
      GuestConsole console = open(Overflow.KEEP);
      put(guest(), "x");
      console.service().onEvent();
      console.service().close();
    }
    assertThat(disk.waiting).hasSize(1);
    disk.goOn();
    assertThat(disk.waiting).isEmpty();
    // Nothing of it was given back, so the next one has it all.
    open(Overflow.KEEP);
    assertThat(log()).isEqualTo("x" + "x".repeat(100));
  }

  /// It is the guest's fault, though it is met when the log has been written.
  @Test
  void endsWithAGuestThatTakesBackWhatItHasPut() throws Exception {
    GuestConsole console = open(Overflow.KEEP);
    disk.hangs = true;
    put(guest(), "never mind");
    console.service().onEvent();
    page.set(ValueLayout.JAVA_INT, ConsolePage.OUT.prod(), 1);
    console.service().onEvent();
    disk.goOn();
    loop.runReady();
    assertThat(failures).singleElement().isInstanceOf(RingViolation.class);
    assertThat(loop.errors().count()).isZero();
  }

  /// The thread that writes meets it first, and goes on for whoever writes to the same file next.
  @Test
  void endsWithAPageThatGoesWhileItsLogIsWritten() throws Exception {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment passing = arena.allocate(4096, 4096);
      GuestConsole console = open(Overflow.KEEP, passing);
      disk.hangs = true;
      put(ConsolePage.frontend(passing), "x");
      console.service().onEvent();
    }
    disk.goOn();
    loop.runReady();
    assertThat(failures).hasSize(1);
    put(guest(), "y");
    open(Overflow.KEEP);
    assertThat(log()).isEqualTo("xy");
  }

  /// Only the first has begun; of the others a count is all that is left.
  @Test
  void keepsNothingOfAGuestThatFloodsAHungLogAndConnectsAgain() throws Exception {
    disk.hangs = true;
    String block = "x".repeat(2048);
    for (int i = 0; i < 10; i++) {
      GuestConsole console = open(Overflow.DISCARD);
      for (int at = 0; at <= LogFeed.BOUND; at += block.length()) {
        put(guest(), block);
        console.service().onEvent();
        loop.advance(GuestConsole.LOG_PATIENCE_NANOS);
      }
      console.service().close();
      assertThat(statistics(console).logLost()).isPositive();
    }
    disk.goOn();
    assertThat(log()).containsOnlyOnce("octets are missing");
  }

  @Test
  void whatThrowsWhileAFileIsWrittenHoldsUpNobodyElseThere() throws Exception {
    disk.hangs = true;
    writers.execute(
        directory.resolve("guest-guest.log"),
        () -> {
          throw new IllegalStateException("a fault of ours");
        });
    GuestConsole console = open(Overflow.KEEP);
    put(guest(), "x");
    console.service().onEvent();
    disk.goOn();
    assertThatThrownBy(loop::runReady).hasMessageContaining("a fault of ours");
    assertThat(log()).isEqualTo("x");
  }

  /// What the end itself meets keeps nobody from being told of it.
  @Test
  void tellsAllOfItsEndThoughItsPageHasGone() throws Exception {
    Watcher viewer = new Watcher();
    GuestConsole console;
    try (Arena arena = Arena.ofShared()) {
      MemorySegment passing = arena.allocate(4096, 4096);
      console = open(Overflow.KEEP, passing);
      console.attach(viewer, true);
      disk.hangs = true;
      put(ConsolePage.frontend(passing), "x");
      console.service().onEvent();
    }
    List<Throwable> met = new ArrayList<>();
    Thread ending =
        Thread.ofPlatform()
            .uncaughtExceptionHandler((_, e) -> met.add(e))
            .start(console.service()::close);
    while (ending.getState() != Thread.State.TIMED_WAITING && ending.isAlive()) {
      Thread.onSpinWait();
    }
    disk.goOn();
    ending.join();
    assertThat(met).hasSize(1);
    assertThat(viewer.ended).isEqualTo("the guest's console has gone");
  }
}
