package org.netback.console;

import static org.netback.loop.Eventually.await;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.netback.loop.InternalErrors;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.bus.BackendBus;
import org.netback.xen.embedded.EmbeddedGround;
import org.netback.xen.embedded.GuestDomain;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.embedded.toolstack.DeviceSpec;
import org.netback.xen.embedded.toolstack.GuestSpec;
import org.netback.xen.event.EventChannel;
import org.netback.xen.frontends.Consfront;
import org.netback.xen.ground.Backend;
import org.netback.xen.ring.RingViolation;

/// Guests with consoles on the embedded ground, with real ptys and logs, and what serves them.
class ConsoleScene {
  @TempDir Path directory = Path.of("");
  final InternalErrors errors = new InternalErrors(System::nanoTime);
  final NettyLoop bus = NettyLoop.start("bus", 0, errors);
  final NettyLoop loop = NettyLoop.start("consoles", 0, errors);
  final NettyLoop guestLoop = NettyLoop.start("guest", 0, errors);
  EmbeddedGround ground;
  Backend backend;
  private Optional<Consoles> served = Optional.empty();
  private Optional<BackendBus> devices = Optional.empty();

  @BeforeEach
  void openGround() throws IOException {
    ground = EmbeddedGround.open(directory.resolve("run"));
    backend = ground.backend();
  }

  @AfterEach
  void closeGround() throws Exception {
    stop();
    backend.close();
    ground.close();
    for (NettyLoop each : List.of(bus, loop, guestLoop)) {
      each.close();
    }
  }

  void serve(Overflow overflow, String... guests) throws IOException {
    serve(overflow, ConsoleSettings.USUAL_EVENTS, guests);
  }

  /// @param events that a guest has in 200 ms
  void serve(Overflow overflow, int events, String... guests) throws IOException {
    LogSettings log = new LogSettings(Optional.of(logs()), false, true, 0, Duration.ZERO, 1);
    serve(new ConsoleSettings(Set.of(guests), overflow, events, 1000, true, true, log));
  }

  void serve(ConsoleSettings settings) throws IOException {
    Consoles consoles =
        new Consoles(backend.store(), bus, backend.guests(), loop, settings, Access.NONE);
    BackendBus onBus =
        new BackendBus(backend.store(), bus, backend.domid(), List.of(consoles.deviceClass()));
    served = Optional.of(consoles);
    devices = Optional.of(onBus);
    onBus.start();
    consoles.start();
  }

  Path logs() {
    return directory.resolve("log");
  }

  Path log(String guest) {
    return logs().resolve("guest-" + guest + ".log");
  }

  Consoles consoles() {
    return served.orElseThrow();
  }

  /// As the daemon ends, without a word to guests.
  void stop() throws Exception {
    if (served.isPresent()) {
      devices.orElseThrow().abandon().toCompletableFuture().get(30, TimeUnit.SECONDS);
      served.get().close().toCompletableFuture().get(30, TimeUnit.SECONDS);
      served.get().finishLogs();
    }
    served = Optional.empty();
  }

  /// Whether it is the primary console or one on xenbus.
  enum Kind {
    PRIMARY,
    DEVICE
  }

  Guest guest(Kind kind, String name) throws Exception {
    return switch (kind) {
      case PRIMARY -> new Guest(name);
      case DEVICE -> new Guest(name, DeviceSpec.console(1, "spare"));
    };
  }

  /// A guest with a console open. Each event is a permit to look once more for whoever puts and one
  /// for whoever takes: neither can use up the other's.
  final class Guest implements AutoCloseable {
    final GuestDomain domain;
    final MemorySegment page;
    final int gref;
    final EventChannel channel;
    final Consfront front;
    private final int number;
    private final Semaphore room = new Semaphore(0);
    private final Semaphore typed = new Semaphore(0);
    private volatile boolean closed;

    /// With its primary console.
    Guest(String name) throws IOException, RingViolation {
      number = 0;
      domain = ground.createDomain(new GuestSpec(name, new DomainSize(1, 10), List.of()));
      page = domain.consolePage();
      gref = 0;
      channel = domain.openConsole(guestLoop, this::onEvent);
      front = Consfront.attach(page, channel);
    }

    /// With console 1, connected by hand, so that its page is the test's.
    Guest(String name, DeviceSpec console) throws Exception {
      number = 1;
      domain = ground.createDomain(new GuestSpec(name, new DomainSize(4, 20), List.of(console)));
      page = domain.memory().allocate(1);
      gref = domain.memory().grant(page, 0, false);
      channel = domain.events().allocate(0, guestLoop, this::onEvent);
      front = Consfront.attach(page, channel);
      String path = domain.frontendPath("console", 1);
      domain.store().write(path + "/ring-ref", Integer.toString(gref));
      domain.store().write(path + "/port", Integer.toString(channel.port()));
      domain.store().write(path + "/state", "3");
      await("a connection of " + name, () -> !tty().isEmpty());
    }

    private boolean onEvent() {
      room.release();
      typed.release();
      return true;
    }

    void put(byte[] octets) throws Exception {
      int at = 0;
      while (at < octets.length) {
        if (closed) {
          throw new IllegalStateException(domain.name() + " has gone");
        }
        int count = front.put(octets, at, octets.length - at);
        at += count;
        if (count == 0) {
          room.acquire();
        }
      }
    }

    byte[] take(int length) throws Exception {
      byte[] all = new byte[length];
      int at = 0;
      while (at < length) {
        byte[] some = new byte[Math.min(1024, length - at)];
        int count = front.take(some);
        System.arraycopy(some, 0, all, at, count);
        at += count;
        if (count == 0) {
          typed.acquire();
        }
      }
      return all;
    }

    /// As `netback console` has it.
    String name() {
      return domain.name() + '/' + number;
    }

    String tty() throws Exception {
      String node =
          number == 0
              ? "/local/domain/" + domain.domid() + "/console/tty"
              : domain.frontendPath("console", number) + "/tty";
      await("a tty of " + name(), () -> !backend.store().read(node).orElse("").isEmpty());
      return backend.store().read(node).orElseThrow();
    }

    boolean isServed() {
      return consoles().find(name()).isPresent();
    }

    /// Whoever is about to put something is told that it has gone.
    void die() {
      closed = true;
      room.release();
      domain.close();
    }

    @Override
    public void close() {
      die();
    }
  }

  static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  static <T> CompletableFuture<T> async(Callable<T> work) {
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
}
