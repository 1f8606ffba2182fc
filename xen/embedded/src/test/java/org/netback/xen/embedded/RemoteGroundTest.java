package org.netback.xen.embedded;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.netback.loop.EventLoop;
import org.netback.loop.Eventually;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.embedded.memory.EmbeddedGrantTableContract;
import org.netback.xen.embedded.toolstack.GuestSpec;
import org.netback.xen.event.EventChannel;
import org.netback.xen.event.EventChannels;
import org.netback.xen.event.EventChannelsContract;
import org.netback.xen.grant.GrantCopies;
import org.netback.xen.grant.GrantStatus;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.grant.GuestMemory;
import org.netback.xen.ground.Backend;

/// The contracts across processes: the ground in a JVM of its own, or with the backend, the guest
/// always attached through the socket.
final class RemoteGroundTest {
  @TempDir private static Path apart;
  private static ChildProcess groundApart;

  @BeforeAll
  static void startGround() throws IOException {
    groundApart = ChildProcess.ground(apart);
  }

  @AfterAll
  static void stopGround() throws IOException {
    groundApart.close();
  }

  /// Waits until a copy finds out that a domain has gone.
  static void awaitGone(GrantTable backend, int domid) throws IOException {
    MemorySegment local = Arena.ofAuto().allocate(1);
    try {
      Eventually.await(
          "domain gone",
          () -> {
            GrantCopies batch = backend.copies(1);
            batch.fromGuest(domid, 8, 0, 0, local, 0);
            batch.carryOut();
            return batch.status(0) == GrantStatus.BAD_DOMAIN;
          });
    } catch (Exception e) {
      throw new IOException(e);
    }
  }

  @Nested
  final class GrantsWithTheGroundApart extends EmbeddedGrantTableContract {
    private Backend backend;
    private GuestDomain guest;

    @BeforeEach
    void attach() throws IOException {
      backend = RemoteGround.attachBackend(apart);
      guest = RemoteGround.attachGuest(apart, GuestSpec.of("guest", "net"));
    }

    @AfterEach
    void detach() throws IOException {
      int domid = guest.domid();
      guest.close();
      awaitGone(backend.guests().grants(), domid);
      backend.close();
    }

    @Override
    protected GuestMemory guest() {
      return guest.memory();
    }

    @Override
    protected GrantTable backend() {
      return backend.guests().grants();
    }

    @Override
    protected void destroyGuest() throws IOException {
      int domid = guest.domid();
      guest.close();
      awaitGone(backend.guests().grants(), domid);
    }
  }

  @Nested
  final class GrantsWithTheGroundAtTheBackend extends EmbeddedGrantTableContract {
    @TempDir private Path directory;
    private EmbeddedGround ground;
    private Backend backend;
    private GuestDomain guest;

    @BeforeEach
    void attach() throws IOException {
      ground = EmbeddedGround.open(directory);
      backend = ground.backend();
      guest = RemoteGround.attachGuest(directory, GuestSpec.of("guest", "net"));
    }

    @AfterEach
    void detach() throws IOException {
      guest.close();
      backend.close();
      ground.close();
    }

    @Override
    protected GuestMemory guest() {
      return guest.memory();
    }

    @Override
    protected GrantTable backend() {
      return backend.guests().grants();
    }

    @Override
    protected void destroyGuest() throws IOException {
      int domid = guest.domid();
      guest.close();
      awaitGone(backend.guests().grants(), domid);
    }
  }

  /// Real loops for the ends of channels.
  abstract static class RemoteChannels extends EventChannelsContract {
    private final NettyLoop guestLoop = NettyLoop.start("guest");
    private final NettyLoop backendLoop = NettyLoop.start("backend");

    @Override
    protected EventLoop guestLoop() {
      return guestLoop;
    }

    @Override
    protected EventLoop backendLoop() {
      return backendLoop;
    }

    @Override
    protected void until(Condition condition) {
      try {
        Eventually.await("event", condition::holds);
      } catch (Exception e) {
        throw new AssertionError(e);
      }
    }

    @Override
    protected void settle() {
      // A write to an eventfd is there when it returns; a round of a loop or two takes it up.
      for (int i = 0; i < 5; i++) {
        for (NettyLoop loop : new NettyLoop[] {guestLoop, backendLoop}) {
          CompletableFuture<Boolean> passed = new CompletableFuture<>();
          loop.execute(() -> passed.complete(true));
          assertThat(passed.join()).isTrue();
        }
      }
    }

    /// What slows a peer down must not itself be taken for a ring: the handler would be called,
    /// find nothing and be slowed down for ever, and the peer's next event would come a second
    /// late.
    @Test
    void isSilentOnceAPeerThatRangWithoutWorkIsSilent() throws Exception {
      AtomicInteger calls = new AtomicInteger();
      EventChannel offered = guest().allocate(BACKEND, guestLoop, () -> true);
      EventChannel bound =
          backend()
              .bind(
                  guestDomid(),
                  offered.port(),
                  backendLoop,
                  () -> {
                    calls.incrementAndGet();
                    return false;
                  });
      until(
          () -> {
            offered.notifyPeer();
            return calls.get() >= 6;
          });
      // On the backend's loop, so that no call comes between: the next one, after 16 ms, takes up
      // this ring and whatever was rung before it. One more would come after 32 ms, and so on.
      CompletableFuture<Integer> before = new CompletableFuture<>();
      backendLoop.execute(
          () -> {
            offered.notifyPeer();
            before.complete(calls.get());
          });
      int seen = before.get(1, TimeUnit.MINUTES) + 1;
      until(() -> calls.get() >= seen);
      await(backendLoop, 400);
      assertThat(calls.get()).isEqualTo(seen);

      offered.notifyPeer();
      until(() -> calls.get() > seen);
      bound.close();
    }

    private static void await(EventLoop loop, long millis) throws Exception {
      CompletableFuture<Boolean> over = new CompletableFuture<>();
      loop.schedule(TimeUnit.MILLISECONDS.toNanos(millis), () -> over.complete(true));
      assertThat(over.get(1, TimeUnit.MINUTES)).isTrue();
    }

    @AfterEach
    void closeLoops() {
      guestLoop.close();
      backendLoop.close();
    }
  }

  @Nested
  final class ChannelsWithTheGroundApart extends RemoteChannels {
    private Backend backend;
    private GuestDomain guest;

    @BeforeEach
    void attach() throws IOException {
      backend = RemoteGround.attachBackend(apart);
      // The ground may still be at destroying the last one: each has a name of its own.
      guest = RemoteGround.attachGuest(apart, GuestSpec.of("guest" + System.nanoTime(), "net"));
    }

    @AfterEach
    void detach() {
      guest.close();
      backend.close();
    }

    @Override
    protected int guestDomid() {
      return guest.domid();
    }

    @Override
    protected EventChannels guest() {
      return guest.events();
    }

    @Override
    protected EventChannels backend() {
      return backend.guests().events();
    }
  }

  @Nested
  final class ChannelsWithTheGroundAtTheBackend extends RemoteChannels {
    @TempDir private Path directory;
    private EmbeddedGround ground;
    private Backend backend;
    private GuestDomain guest;

    @BeforeEach
    void attach() throws IOException {
      ground = EmbeddedGround.open(directory);
      backend = ground.backend();
      guest = RemoteGround.attachGuest(directory, GuestSpec.of("guest", "net"));
    }

    @AfterEach
    void detach() throws IOException {
      guest.close();
      backend.close();
      ground.close();
    }

    @Override
    protected int guestDomid() {
      return guest.domid();
    }

    @Override
    protected EventChannels guest() {
      return guest.events();
    }

    @Override
    protected EventChannels backend() {
      return backend.guests().events();
    }
  }

  @Nested
  final class ChannelsWithTheGroundAtTheGuest extends RemoteChannels {
    @TempDir private Path directory;
    private EmbeddedGround ground;
    private Backend backend;
    private GuestDomain guest;

    @BeforeEach
    void attach() throws IOException {
      ground = EmbeddedGround.open(directory);
      backend = RemoteGround.attachBackend(directory);
      guest = ground.createDomain(GuestSpec.of("guest", "net"));
    }

    @AfterEach
    void detach() throws IOException {
      guest.close();
      backend.close();
      ground.close();
    }

    @Override
    protected int guestDomid() {
      return guest.domid();
    }

    @Override
    protected EventChannels guest() {
      return guest.events();
    }

    @Override
    protected EventChannels backend() {
      return backend.guests().events();
    }
  }
}
