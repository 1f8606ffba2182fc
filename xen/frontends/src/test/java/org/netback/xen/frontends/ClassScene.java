package org.netback.xen.frontends;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import org.netback.loop.Closing;
import org.netback.loop.EventLoop;
import org.netback.loop.InternalErrors;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.bus.BackendBus;
import org.netback.xen.bus.DeviceClass;
import org.netback.xen.embedded.EmbeddedGround;
import org.netback.xen.embedded.GuestDomain;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.embedded.toolstack.DeviceSpec;
import org.netback.xen.embedded.toolstack.GuestSpec;
import org.netback.xen.ground.Backend;
import org.netback.xen.ground.Guests;

/// A device class on the embedded ground, with guests that have one device of it each: what a test
/// of a class needs besides the class. Bus, rings and guests have a loop of their own each.
///
/// Confined to the test's thread.
public final class ClassScene {
  private static final long PATIENCE_SECONDS = 30;

  private final BiFunction<Guests, EventLoop, DeviceClass> deviceClass;
  private final InternalErrors errors = new InternalErrors(System::nanoTime);
  private final NettyLoop busLoop = NettyLoop.start("bus", 0, errors);
  private final NettyLoop ringLoop = NettyLoop.start("rings", 0, errors);
  private final NettyLoop guestLoop = NettyLoop.start("guests", 0, errors);
  private final EmbeddedGround ground;
  private Optional<Served> served = Optional.empty();

  private record Served(Backend backend, BackendBus bus) {
    void end(CompletionStage<Void> ended) throws Exception {
      ended.toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
      backend.close();
    }
  }

  /// @param directory for the ground's sockets
  /// @param deviceClass is made for each backend anew, with the loop that serves its rings
  public ClassScene(Path directory, BiFunction<Guests, EventLoop, DeviceClass> deviceClass)
      throws IOException {
    this.deviceClass = deviceClass;
    this.ground = EmbeddedGround.open(directory.resolve("run"));
  }

  /// The loop on which drivers live.
  public EventLoop guestLoop() {
    return guestLoop;
  }

  /// Starts a backend. Devices that are there are connected, also those of a backend before it.
  public void serve() throws IOException {
    Backend backend = ground.backend();
    BackendBus bus =
        new BackendBus(
            backend.store(),
            busLoop,
            backend.domid(),
            List.of(deviceClass.apply(backend.guests(), ringLoop)));
    served = Optional.of(new Served(backend, bus));
    bus.start();
  }

  /// Ends the backend in step with its guests.
  public void stop() throws Exception {
    Served last = served.orElseThrow();
    served = Optional.empty();
    last.end(last.bus.close(TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS)));
  }

  /// Ends the backend without a word to its guests, as if it were killed.
  public void abandon() throws Exception {
    Served last = served.orElseThrow();
    served = Optional.empty();
    last.end(last.bus.abandon());
  }

  /// A guest with device 0 of a type, and its frontend, which has started.
  public Guest guest(String name, String type, FrontendDriver driver) throws IOException {
    return guest(name, new DeviceSpec(type, 0, Map.of(), Map.of(), Map.of()), driver);
  }

  /// The same with keys of the toolstack's.
  public Guest guest(String name, DeviceSpec device, FrontendDriver driver) throws IOException {
    return new Guest(name, device, driver);
  }

  /// Ends what is left.
  ///
  /// @throws AssertionError something of ours has thrown what it should not
  public void close() throws Exception {
    if (served.isPresent()) {
      stop();
    }
    Closing.all(ground::close, busLoop::close, ringLoop::close, guestLoop::close);
    assertThat(errors.count()).as("internal errors").isZero();
  }

  /// A guest, to be closed before the scene.
  public final class Guest implements AutoCloseable, FrontendListener {
    private final GuestDomain domain;
    private final Frontend frontend;
    private final BlockingQueue<String> troubles = new LinkedBlockingQueue<>();

    private Guest(String name, DeviceSpec device, FrontendDriver driver) throws IOException {
      domain = ground.createDomain(new GuestSpec(name, new DomainSize(1, 10), List.of(device)));
      frontend =
          new Frontend(
              domain.frontendPath(device.type(), device.handle()),
              domain.memory(),
              domain.events(),
              domain.store(),
              guestLoop,
              driver,
              this);
      frontend.start();
    }

    public GuestDomain domain() {
      return domain;
    }

    /// What its frontend has heard so far and nobody has taken. Any thread.
    public List<String> troubles() {
      return List.copyOf(troubles);
    }

    /// Takes the next trouble, of which there has to be one.
    public String awaitTrouble() throws InterruptedException {
      String trouble = troubles.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
      if (trouble == null) {
        throw new AssertionError("no trouble");
      }
      return trouble;
    }

    @Override
    public void refused(String message) {
      troubles.add("refused: " + message);
    }

    @Override
    public void failed(String message) {
      troubles.add("failed: " + message);
    }

    /// As a guest that crashes: its memory goes when nothing of it is in use here.
    @Override
    public void close() {
      frontend.abandon().orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS).join();
      domain.close();
    }
  }
}
