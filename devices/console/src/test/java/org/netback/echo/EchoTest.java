package org.netback.echo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.bus.BackendBus;
import org.netback.xen.embedded.EmbeddedGround;
import org.netback.xen.embedded.GuestDomain;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.embedded.toolstack.DeviceSpec;
import org.netback.xen.embedded.toolstack.GuestSpec;
import org.netback.xen.frontends.Frontend;
import org.netback.xen.frontends.FrontendListener;
import org.netback.xen.ground.Backend;

/// A device class of the test's own, from its records to its frontend, on the embedded ground.
@Timeout(60)
final class EchoTest {
  @TempDir private Path directory;
  private final NettyLoop busLoop = NettyLoop.start("bus");
  private final NettyLoop loop = NettyLoop.start("echo");
  private final NettyLoop guestLoop = NettyLoop.start("guest");
  private EmbeddedGround ground;

  private final class Guest implements AutoCloseable, FrontendListener {
    final GuestDomain domain;
    final Frontend frontend;
    final BlockingQueue<EchoResponse> answers = new LinkedBlockingQueue<>();
    final BlockingQueue<String> troubles = new LinkedBlockingQueue<>();
    final EchoDriver driver = new EchoDriver(guestLoop, answers::add);

    Guest(String name) throws IOException {
      DeviceSpec device = new DeviceSpec(EchoDevice.TYPE, 0, Map.of(), Map.of(), Map.of());
      domain = ground.createDomain(new GuestSpec(name, new DomainSize(1, 10), List.of(device)));
      frontend =
          new Frontend(
              domain.frontendPath(EchoDevice.TYPE, 0),
              domain.memory(),
              domain.events(),
              domain.store(),
              guestLoop,
              driver,
              this);
      frontend.start();
    }

    @Override
    public void refused(String message) {
      troubles.add("refused: " + message);
    }

    @Override
    public void failed(String message) {
      troubles.add("failed: " + message);
    }

    void send(int first, int count) {
      for (int id = first; id < first + count; id++) {
        driver.send(new EchoRequest(id, Integer.toString(id)));
      }
    }

    void expect(int first, int count) throws InterruptedException {
      for (int id = first; id < first + count; id++) {
        EchoResponse answer = answers.poll(10, TimeUnit.SECONDS);
        assertThat(answer).as("answer %s, %s", id, troubles).isNotNull();
        assertThat(answer.id()).isEqualTo(id);
        assertThat(answer.text().substring(0, answer.status()))
            .isEqualTo(new StringBuilder().append(id).reverse().toString());
      }
    }

    /// As a guest that crashes: its memory goes when nothing of it is in use here.
    @Override
    public void close() {
      frontend.abandon().orTimeout(30, TimeUnit.SECONDS).join();
      domain.close();
    }
  }

  /// A backend's life, from one start to its end.
  private record Served(Backend backend, BackendBus bus) {
    void end(CompletionStage<Void> ended) throws Exception {
      ended.toCompletableFuture().get(30, TimeUnit.SECONDS);
      backend.close();
    }
  }

  private Served serve() throws IOException {
    Backend backend = ground.backend();
    BackendBus bus =
        new BackendBus(
            backend.store(),
            busLoop,
            backend.domid(),
            List.of(EchoDevice.deviceClass(backend.guests(), loop)));
    bus.start();
    return new Served(backend, bus);
  }

  @BeforeEach
  void open() throws IOException {
    ground = EmbeddedGround.open(directory.resolve("run"));
  }

  @AfterEach
  void close() throws Exception {
    ground.close();
    for (NettyLoop each : List.of(busLoop, loop, guestLoop)) {
      each.close();
    }
  }

  @Test
  void answersEachRequestBackwards() throws Exception {
    Served served = serve();
    try (Guest guest = new Guest("a")) {
      guest.send(0, 1000);
      guest.expect(0, 1000);
      guest.driver.send(new EchoRequest(7, 13, ""));
      assertThat(guest.answers.poll(10, TimeUnit.SECONDS).status()).isEqualTo(EchoResponse.ERROR);
    }
    served.end(served.bus.close(TimeUnit.SECONDS.toNanos(5)));
  }

  @Test
  void aGuestThatBreaksItsRingHurtsOnlyItself() throws Exception {
    Served served = serve();
    try (Guest bad = new Guest("bad");
        Guest good = new Guest("good")) {
      bad.send(0, 1);
      bad.expect(0, 1);
      good.send(0, 200);
      bad.driver.breakRing();
      assertThat(bad.troubles.poll(10, TimeUnit.SECONDS)).contains("broken ring");
      good.send(200, 200);
      good.expect(0, 400);
      assertThat(good.troubles).isEmpty();
    }
    served.end(served.bus.close(TimeUnit.SECONDS.toNanos(5)));
  }

  @Test
  void aSuccessorTakesOverUnderAnOpenFrontend() throws Exception {
    Served first = serve();
    try (Guest guest = new Guest("a")) {
      guest.send(0, 100);
      guest.expect(0, 100);
      first.end(first.bus.abandon());
      guest.send(100, 300);
      assertThat(guest.answers.poll(100, TimeUnit.MILLISECONDS)).isNull();
      Served second = serve();
      guest.expect(100, 300);
      second.end(second.bus.close(TimeUnit.SECONDS.toNanos(5)));
    }
  }

  /// The first one closes in order, and the frontend offers the device anew.
  @Test
  void aSuccessorIsFoundAfterAnOrderlyEnd() throws Exception {
    Served first = serve();
    try (Guest guest = new Guest("a")) {
      guest.send(0, 100);
      guest.expect(0, 100);
      first.end(first.bus.close(TimeUnit.SECONDS.toNanos(5)));
      guest.send(100, 300);
      Served second = serve();
      guest.expect(100, 300);
      assertThat(guest.troubles).isEmpty();
      second.end(second.bus.close(TimeUnit.SECONDS.toNanos(5)));
    }
  }
}
