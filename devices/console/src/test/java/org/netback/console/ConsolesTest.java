package org.netback.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.bus.BackendBus;
import org.netback.xen.embedded.DeviceSpec;
import org.netback.xen.embedded.DomainSize;
import org.netback.xen.embedded.EmbeddedGround;
import org.netback.xen.embedded.GuestDomain;
import org.netback.xen.embedded.GuestSpec;
import org.netback.xen.event.EventChannel;
import org.netback.xen.frontends.Consfront;
import org.netback.xen.frontends.ConsfrontDriver;
import org.netback.xen.frontends.Frontend;
import org.netback.xen.frontends.FrontendListener;
import org.netback.xen.ground.Backend;
import org.netback.xen.io.console.ConsolePage;
import org.netback.xen.ring.RingViolation;

/// Primary consoles of guests on the embedded ground, on real ptys.
@Timeout(120)
final class ConsolesTest {
  @TempDir private Path directory;
  private final NettyLoop bus = NettyLoop.start("bus");
  private final NettyLoop loop = NettyLoop.start("consoles");
  private final NettyLoop guestLoop = NettyLoop.start("guest");
  private EmbeddedGround ground;
  private Backend backend;
  private Optional<Consoles> served = Optional.empty();

  /// A guest with its console open. Each event is a permit to look once more for whoever puts and
  /// one for whoever takes: neither can use up the other's.
  private final class Guest implements AutoCloseable {
    private final GuestDomain domain;
    private final Semaphore room = new Semaphore(0);
    private final Semaphore typed = new Semaphore(0);
    private final EventChannel channel;
    private final Consfront front;

    Guest(String name) throws IOException, RingViolation {
      domain = ground.createDomain(new GuestSpec(name, new DomainSize(1, 10), List.of()));
      channel =
          domain.openConsole(
              guestLoop,
              () -> {
                room.release();
                typed.release();
                return true;
              });
      front = Consfront.attach(domain.consolePage(), channel);
    }

    private void put(byte[] octets) throws Exception {
      int at = 0;
      while (at < octets.length) {
        int count = front.put(octets, at, octets.length - at);
        at += count;
        if (count == 0) {
          room.acquire();
        }
      }
    }

    private byte[] take(int length) throws Exception {
      byte[] all = new byte[length];
      byte[] some = new byte[1024];
      int at = 0;
      while (at < length) {
        int count = front.take(some);
        System.arraycopy(some, 0, all, at, count);
        at += count;
        if (count == 0) {
          typed.acquire();
        }
      }
      return all;
    }

    private String tty() throws Exception {
      String node = "/local/domain/" + domain.domid() + "/console/tty";
      await("a tty of " + domain.name(), () -> !backend.store().read(node).orElse("").isEmpty());
      return backend.store().read(node).orElseThrow();
    }

    @Override
    public void close() {
      domain.close();
    }
  }

  private static void await(String what, Callable<Boolean> condition) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.call()) {
      assertThat(System.nanoTime()).as(what).isLessThan(end);
      Thread.sleep(1);
    }
  }

  @BeforeEach
  void open() throws IOException {
    ground = EmbeddedGround.open(directory.resolve("run"));
    backend = ground.backend();
  }

  @AfterEach
  void close() throws Exception {
    stop();
    backend.close();
    ground.close();
    for (NettyLoop each : List.of(bus, loop, guestLoop)) {
      each.close();
    }
  }

  private void serve(Overflow overflow, String... guests) throws IOException {
    Consoles consoles =
        new Consoles(
            backend.store(),
            bus,
            backend.guests(),
            loop,
            new ConsoleSettings(
                Set.of(guests),
                overflow,
                1000,
                true,
                true,
                new LogSettings(
                    Optional.of(directory.resolve("log")), false, true, 0, Duration.ZERO, 1)),
            Access.NONE);
    served = Optional.of(consoles);
    consoles.start();
  }

  private Consoles consoles() {
    return served.orElseThrow();
  }

  private void stop() throws Exception {
    if (served.isPresent()) {
      served.get().close().toCompletableFuture().get(30, TimeUnit.SECONDS);
    }
    served = Optional.empty();
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

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
      assertThat(ConsolePage.isConnected(guest.domain.consolePage())).isTrue();
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
    assertThat(Files.readString(directory.resolve("log/guest-web.log"))).isEqualTo("login: ");
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

  /// A seeded stream each way, with a reader that begins when the guest has to wait for it. A
  /// guest's events are rationed, 150 in a second, so this goes at 300 kB/s from the guest;
  /// `-Dconsole.stream.octets` makes it longer, up to 15 minutes.
  @Test
  @Timeout(900)
  void losesNoOctetEitherWay() throws Exception {
    byte[] out = new byte[Integer.getInteger("console.stream.octets", 1 << 20)];
    new Random(4711).nextBytes(out);
    byte[] in = new byte[out.length / 8];
    new Random(4712).nextBytes(in);
    try (Guest guest = new Guest("web")) {
      backend.store().write("/local/domain/" + guest.domain.domid() + "/console/limit", "16384");
      serve(Overflow.KEEP, "*");
      InputStream reads = Files.newInputStream(Path.of(guest.tty()));
      OutputStream writes = Files.newOutputStream(Path.of(guest.tty()));
      CompletableFuture<byte[]> received =
          async(
              () -> {
                await("the guest to be held", () -> consoles().statistics().getFirst().held() > 0);
                return reads.readNBytes(out.length);
              });
      CompletableFuture<Boolean> typed =
          async(
              () -> {
                writes.write(in);
                return true;
              });
      CompletableFuture<byte[]> taken = async(() -> guest.take(in.length));
      guest.put(out);
      assertThat(taken.get()).isEqualTo(in);
      assertThat(typed.get()).isTrue();
      assertThat(received.get()).isEqualTo(out);
      reads.close();
      writes.close();
    }
  }

  private static <T> CompletableFuture<T> async(Callable<T> work) {
    CompletableFuture<T> result = new CompletableFuture<>();
    Thread.ofPlatform()
        .daemon()
        .start(
            () -> {
              try {
                result.complete(work.call());
              } catch (Throwable e) {
                result.completeExceptionally(e);
              }
            });
    return result;
  }

  @Test
  void aGuestThatBreaksItsRingHurtsOnlyItself() throws Exception {
    serve(Overflow.KEEP, "*");
    try (Guest bad = new Guest("bad");
        Guest good = new Guest("good");
        RandomAccessFile tty = new RandomAccessFile(good.tty(), "rw")) {
      bad.tty();
      bad.domain.consolePage().set(ValueLayout.JAVA_INT, ConsolePage.OUT.prod(), 1_000_000);
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
  void aConsoleThatIsADeviceHasAPtyToo() throws Exception {
    serve(Overflow.KEEP, "none of the primary ones");
    BackendBus devices =
        new BackendBus(backend.store(), bus, backend.domid(), List.of(consoles().deviceClass()));
    devices.start();
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
              new FrontendListener() {});
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
    } finally {
      devices.close(TimeUnit.SECONDS.toNanos(5)).toCompletableFuture().get(30, TimeUnit.SECONDS);
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
      assertThat(Files.readString(directory.resolve("log/guest-web.log")))
          .isEqualTo("before,meanwhile,after");
    }
  }
}
