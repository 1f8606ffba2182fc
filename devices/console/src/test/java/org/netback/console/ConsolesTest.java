package org.netback.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.netback.loop.Eventually.await;

import java.io.InputStream;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.netback.loop.SteppedLoop;
import org.netback.xen.embedded.GuestDomain;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.embedded.toolstack.DeviceSpec;
import org.netback.xen.embedded.toolstack.GuestSpec;
import org.netback.xen.frontends.Consfront;
import org.netback.xen.frontends.ConsfrontDriver;
import org.netback.xen.frontends.Frontend;
import org.netback.xen.frontends.FrontendListener;
import org.netback.xen.io.console.ConsolePage;

/// Primary consoles of guests on the embedded ground, on real ptys.
@Timeout(120)
final class ConsolesTest extends ConsoleScene {
  private static final int LIMIT = 16_384;
  private static final int BLOCK = 1 << 15;

  @Test
  void aPtyIsTheGuestsTerminal() throws Exception {
    serve(Overflow.KEEP, "*");
    try (Guest guest = new Guest("web");
        RandomAccessFile tty = new RandomAccessFile(guest.tty(), "rw")) {
      guest.put(ascii("login: "));
      byte[] seen = new byte[7];
      tty.readFully(seen);
      assertThat(seen).isEqualTo(ascii("login: "));
      // Raw: neither echoed, nor kept until the line ends, nor obeyed.
      tty.write(ascii("root\r\003\004"));
      assertThat(guest.take(7)).isEqualTo(ascii("root\r\003\004"));
      assertThat(ConsolePage.isConnected(guest.page)).isTrue();
      await("the log", () -> fromGuest() == 7);
      assertThat(consoles().statistics())
          .singleElement()
          .satisfies(
              console -> {
                assertThat(console.guest()).isEqualTo("web");
                assertThat(console.fromGuest()).isEqualTo(7);
                assertThat(console.toGuest()).isEqualTo(7);
                assertThat(console.writer()).isEqualTo("pty " + guest.tty());
              });
      assertThat(consoles().find("web")).isPresent().isEqualTo(consoles().find("web/0"));
      assertThat(consoles().find("console" + guest.domain.domid() + ".0")).isPresent();
    }
    await("the end of the console", () -> consoles().statistics().isEmpty());
    assertThat(Files.readString(log("web"))).isEqualTo("login: ");
  }

  @Test
  void servesThePrimaryConsolesThatItIsGivenAndNoOther() throws Exception {
    serve(Overflow.KEEP, "ours");
    try (Guest other = new Guest("other");
        Guest ours = new Guest("ours")) {
      ours.tty();
      assertThat(backend.store().read("/local/domain/" + other.domain.domid() + "/console/tty"))
          .contains("");
      assertThat(consoles().statistics())
          .extracting(ConsoleStatistics::guest)
          .containsExactly("ours");
    }
  }

  /// A seeded stream each way at the same time, with a reader that stops from time to time, and
  /// goes on when there is much to read. `-Dconsole.stream.octets` makes it longer or shorter.
  @Test
  @Timeout(300)
  void losesNoOctetEitherWay() throws Exception {
    int length = Integer.getInteger("console.stream.octets", 100 << 20);
    try (Guest guest = new Guest("web")) {
      backend.store().write("/local/domain/" + guest.domain.domid() + "/console/limit", "" + LIMIT);
      serve(Overflow.KEEP, 1_000_000, "*");
      InputStream reads = Files.newInputStream(Path.of(guest.tty()));
      OutputStream writes = Files.newOutputStream(Path.of(guest.tty()));
      CompletableFuture<Integer> received =
          async(
              () -> {
                Stream expected = new Stream(4711, length);
                while (expected.next()) {
                  if (expected.at % (length / 8) < BLOCK) {
                    long full = Math.min(length, expected.at - expected.size + LIMIT / 2);
                    await("the guest to be ahead", () -> fromGuest() >= full);
                  }
                  assertThat(reads.readNBytes(expected.size)).isEqualTo(expected.octets());
                }
                return expected.at;
              });
      CompletableFuture<Integer> typed =
          async(
              () -> {
                Stream in = new Stream(4712, length);
                while (in.next()) {
                  writes.write(in.octets());
                }
                return in.at;
              });
      CompletableFuture<Integer> taken =
          async(
              () -> {
                Stream expected = new Stream(4712, length);
                while (expected.next()) {
                  assertThat(guest.take(expected.size)).isEqualTo(expected.octets());
                }
                return expected.at;
              });
      CompletableFuture<Integer> put =
          async(
              () -> {
                Stream out = new Stream(4711, length);
                while (out.next()) {
                  guest.put(out.octets());
                }
                return out.at;
              });
      assertThat(CompletableFuture.anyOf(put, typed, taken, received).get()).isEqualTo(length);
      for (CompletableFuture<Integer> each : List.of(put, typed, taken, received)) {
        assertThat(each.get()).isEqualTo(length);
      }
      assertThat(consoles().statistics().getFirst().held()).isPositive();
      reads.close();
      writes.close();
    }
  }

  /// Random octets, the same for the same seed, a block at a time.
  private static final class Stream {
    private final Random random;
    private final int length;
    private byte[] octets = {};
    private int size;

    /// Octets before and with this block.
    private int at;

    Stream(long seed, int length) {
      this.random = new Random(seed);
      this.length = length;
    }

    private boolean next() {
      size = Math.min(BLOCK, length - at);
      octets = new byte[size];
      random.nextBytes(octets);
      at += size;
      return size > 0;
    }

    private byte[] octets() {
      return octets;
    }
  }

  private long fromGuest() {
    return consoles().statistics().getFirst().fromGuest();
  }

  @Test
  void aGuestThatBreaksItsRingHurtsOnlyItself() throws Exception {
    serve(Overflow.KEEP, "*");
    try (Guest bad = new Guest("bad");
        Guest good = new Guest("good");
        RandomAccessFile tty = new RandomAccessFile(good.tty(), "rw")) {
      bad.tty();
      bad.page.set(ValueLayout.JAVA_INT, ConsolePage.OUT.prod(), 1_000_000);
      bad.channel.notifyPeer();
      await("the bad one's end", () -> consoles().statistics().size() == 1);
      good.put(ascii("alive"));
      byte[] seen = new byte[5];
      tty.readFully(seen);
      assertThat(seen).isEqualTo(ascii("alive"));
    }
  }

  /// Console 1, on xenbus: as Linux's hvc_xen connects it.
  @Test
  void aGuestsNameHidesNoOthersConsole() throws Exception {
    serve(Overflow.KEEP, "*");
    try (Guest first = guest(Kind.PRIMARY, "first")) {
      String id = "console" + (first.domain.domid() + 2) + ".0";
      try (Guest liar = guest(Kind.PRIMARY, id);
          Guest honest = guest(Kind.PRIMARY, "honest")) {
        assertThat(id).isEqualTo("console" + honest.domain.domid() + ".0");
        await("both consoles", () -> liar.isServed() && honest.isServed());
        assertThat(consoles().find(id)).isPresent().isEqualTo(consoles().find("honest"));
      }
    }
  }

  @Test
  void aConsoleThatIsADeviceHasAPtyToo() throws Exception {
    serve(Overflow.KEEP, "none of the primary ones");
    try (GuestDomain domain =
        ground.createDomain(
            new GuestSpec("web", new DomainSize(1, 10), List.of(DeviceSpec.console(1, "spare"))))) {
      String directory = domain.frontendPath("console", 1);
      ConsfrontDriver driver = new ConsfrontDriver(guestLoop, () -> true);
      Frontend frontend =
          new Frontend(
              directory,
              domain.memory(),
              domain.events(),
              domain.store(),
              guestLoop,
              driver,
              new FrontendListener() {
                @Override
                public void refused(String message) {
                  throw new AssertionError("refused: " + message);
                }

                @Override
                public void failed(String message) {
                  throw new AssertionError("failed: " + message);
                }
              });
      frontend.start();
      await("a connection", () -> driver.console().isPresent());
      String state = domain.store().read(directory + "/backend").orElseThrow() + "/state";
      assertThat(domain.store().read(state)).contains("4");
      Consfront front = driver.console().orElseThrow();
      try (RandomAccessFile tty =
          new RandomAccessFile(domain.store().read(directory + "/tty").orElseThrow(), "rw")) {
        front.put(ascii("on one"), 0, 6);
        byte[] seen = new byte[6];
        tty.readFully(seen);
        assertThat(seen).isEqualTo(ascii("on one"));
      }
      assertThat(consoles().find("web/1")).isPresent();
      assertThat(consoles().find("web")).isEmpty();
      // It cannot be pointed at a page twice, and says which key is wrong.
      frontend.shutDown().get(30, TimeUnit.SECONDS);
      assertThat(domain.store().read(state)).contains("6");
      assertThat(consoles().statistics()).isEmpty();
      domain.store().write(directory + "/ring-ref", "nonsense");
      domain.store().write(directory + "/state", "1");
      await("InitWait", () -> domain.store().read(state).orElse("").equals("2"));
      domain.store().write(directory + "/state", "3");
      String error = "/local/domain/0/error/backend/console/" + domain.domid() + "/1/error";
      await("an error", () -> backend.store().read(error).isPresent());
      assertThat(backend.store().read(error).orElseThrow()).contains("ring-ref");
    }
  }

  /// The ring and its port stay; a new process takes them up.
  @Test
  void aSuccessorGoesOnWhereThisOneStopped() throws Exception {
    serve(Overflow.KEEP, "*");
    try (Guest guest = new Guest("web")) {
      guest.tty();
      guest.put(ascii("before,"));
      await("the first word", () -> consoles().statistics().getFirst().fromGuest() == 7);
      stop();
      guest.put(ascii("meanwhile,"));
      serve(Overflow.KEEP, "*");
      await("the console", () -> !consoles().statistics().isEmpty());
      guest.put(ascii("after"));
      await("the last word", () -> consoles().statistics().getFirst().fromGuest() == 15);
      assertThat(Files.readString(log("web"))).isEqualTo("before,meanwhile,after");
    }
  }

  /// A FIFO that nobody reads is a disk that hangs: already at its opening.
  @ParameterizedTest
  @EnumSource(Overflow.class)
  void aLogThatHangsHoldsNeitherOthersNorTheEnd(Overflow overflow) throws Exception {
    Path fifo = log("hung");
    Files.createDirectories(logs());
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor()).isZero();
    serve(overflow, "*");
    try (Guest hung = new Guest("hung");
        Guest good = new Guest("good");
        RandomAccessFile hungTty = new RandomAccessFile(hung.tty(), "rw");
        RandomAccessFile tty = new RandomAccessFile(good.tty(), "rw")) {
      hung.put(ascii("hangs"));
      byte[] seen = new byte[5];
      hungTty.readFully(seen);
      assertThat(seen).isEqualTo(ascii("hangs"));
      await(
          "the log to be missed",
          () -> consoles().find("hung").orElseThrow().past().length == 5 && hung.isServed());
      good.put(ascii("alive"));
      tty.readFully(seen);
      assertThat(seen).isEqualTo(ascii("alive"));
      await("the good one's log", () -> Files.exists(log("good")) && Files.size(log("good")) == 5);
      consoles().reopenLogs();
      stop();
    }
    // Lets go of the thread that waits there.
    try (InputStream reader = Files.newInputStream(fifo)) {
      assertThat(reader.readAllBytes()).isIn(ascii("hangs"), ascii(""));
    }
  }

  @Test
  void waitsForOneLogThatHangsAndNotForEachOther() {
    AtomicLong clock = new AtomicLong();
    LogWriters writers = new LogWriters(_ -> {}, errors, clock::get);
    assertThat(writers.patience()).isEqualTo(LogWriters.PATIENCE);
    writers.hangs();
    assertThat(writers.patience()).isEqualTo(Duration.ZERO);
    clock.addAndGet(TimeUnit.SECONDS.toNanos(10));
    assertThat(writers.patience()).isEqualTo(LogWriters.PATIENCE);
  }

  /// Each change of its nodes is a try of its own, and no further one every ten seconds for ever.
  @Test
  void triesAConsoleThatCannotBeHadOnceInAWhile() throws Exception {
    SteppedLoop stepped = new SteppedLoop();
    LogSettings log = new LogSettings(Optional.empty(), false, true, 0, Duration.ZERO, 0);
    ConsoleSettings settings =
        new ConsoleSettings(Set.of("*"), Overflow.KEEP, 30, 1000, false, false, log);
    Consoles consoles =
        new Consoles(backend.store(), stepped, backend.guests(), loop, settings, Access.NONE);
    try (Guest guest = new Guest("web")) {
      String port = "/local/domain/" + guest.domain.domid() + "/console/port";
      backend.store().write(port, "none");
      PrimaryConsole console =
          new PrimaryConsole(guest.domain.domid(), backend.store(), stepped, consoles);
      console.begin();
      for (int i = 0; i < 5; i++) {
        await("a look", () -> stepped.runReady() > 0);
        backend.store().write(port, "none" + i);
      }
      assertThat(stepped.pendingTimers()).isEqualTo(1);
      console.end();
      assertThat(stepped.pendingTimers()).isZero();
    } finally {
      assertThat(consoles.finishLogs()).isTrue();
    }
  }
}
