package org.netback.xen.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.netback.loop.Eventually;
import org.netback.loop.libc.LibC;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.embedded.toolstack.GuestSpec;
import org.netback.xen.embedded.toolstack.VifSpec;
import org.netback.xen.embedded.wire.GroundMessage;
import org.netback.xen.embedded.wire.GroundMessage.AttachGuest;
import org.netback.xen.embedded.wire.GroundMessage.OpenMemory;
import org.netback.xen.embedded.wire.GroundMessage.PortOpened;
import org.netback.xen.embedded.wire.SeqpacketSocket;
import org.netback.xen.event.EventChannel;
import org.netback.xen.grant.GrantTable.GrantMapping;
import org.netback.xen.ground.Backend;

/// Processes that attach, misbehave and die.
final class AttachedProcessTest {
  @TempDir private Path directory;
  private EmbeddedGround ground;
  private Backend backend;
  private final NettyLoop loop = NettyLoop.start("test");

  @BeforeEach
  void open() throws IOException {
    ground = EmbeddedGround.open(directory);
    backend = ground.backend();
  }

  @AfterEach
  void close() throws IOException {
    backend.close();
    ground.close();
    loop.close();
  }

  private boolean storeIsEmpty() throws IOException {
    return backend.store().directory("/local/domain").equals(List.of("0"))
        && backend.store().directory("/local/domain/0/backend/vif").isEmpty();
  }

  private SeqpacketSocket connect() throws IOException {
    return SeqpacketSocket.connect(EmbeddedGround.groundSocket(directory), RemoteGround.PATIENCE);
  }

  /// Attaches as a guest without a client around it.
  private SeqpacketSocket attach(String name) throws IOException {
    SeqpacketSocket socket = connect();
    socket.send(GroundMessage.write(1, new AttachGuest(GuestSpec.of(name, "net"))));
    SeqpacketSocket.Message attached = socket.receive(true).orElseThrow();
    assertThat(attached.descriptors()).hasSize(1);
    attached.descriptors().forEach(LibC::close);
    return socket;
  }

  @Test
  void cleansUpAfterKilledGuests() throws Exception {
    killGuests(1);
    int before = HypervisorTest.openFiles();
    killGuests(3);
    Eventually.await("descriptors flat", () -> HypervisorTest.openFiles() <= before);
  }

  private void killGuests(int count) throws Exception {
    List<ChildProcess> guests = new ArrayList<>();
    List<EventChannel> channels = new ArrayList<>();
    List<GrantMapping> mappings = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      guests.add(ChildProcess.guest(directory, "guest" + i));
    }
    for (ChildProcess guest : guests) {
      String[] said = guest.line().split(" ", 3);
      int domid = Integer.parseInt(said[0]);
      AtomicInteger events = new AtomicInteger();
      channels.add(
          backend
              .guests()
              .events()
              .bind(
                  domid,
                  Integer.parseInt(said[1]),
                  loop,
                  () -> {
                    events.incrementAndGet();
                    return true;
                  }));
      Eventually.await("first event", () -> events.get() > 0);
      mappings.add(
          backend.guests().grants().map(domid, new int[] {Integer.parseInt(said[2])}, false));
    }
    for (ChildProcess guest : guests) {
      guest.kill();
    }
    Eventually.await("store empty", this::storeIsEmpty);
    channels.forEach(EventChannel::close);
    mappings.forEach(GrantMapping::close);
    for (ChildProcess guest : guests) {
      guest.close();
    }
  }

  @Test
  void leavesNothingBehindWhenGuestsDropTheirConnections() throws Exception {
    drop("guest");
    Eventually.await("store empty", this::storeIsEmpty);
    int before = HypervisorTest.openFiles();
    int threads = Thread.activeCount();
    for (int i = 0; i < 200; i++) {
      // The ground may still be at destroying the last one: each has a name of its own.
      drop("guest" + i);
    }
    Eventually.await("store empty", this::storeIsEmpty);
    Eventually.await("descriptors flat", () -> HypervisorTest.openFiles() <= before);
    Eventually.await("threads flat", () -> Thread.activeCount() <= threads);
    assertThat(directory.resolve("domains").toFile().list()).isEmpty();
  }

  private void drop(String name) throws Exception {
    SeqpacketSocket socket = attach(name);
    socket.send(GroundMessage.write(2, new GroundMessage.Allocate(0)));
    SeqpacketSocket.Message opened = socket.receive(true).orElseThrow();
    assertThat(opened.descriptors()).hasSize(2);
    opened.descriptors().forEach(LibC::close);
    assertThat(opened.octets().getInt()).isEqualTo(2);
    assertThat(GroundMessage.read(opened.octets())).isEqualTo(new PortOpened(1));
    socket.close();
  }

  @Test
  void refusesANameThatLives() throws IOException {
    try (GuestDomain _ = RemoteGround.attachGuest(directory, GuestSpec.of("twin", "net"))) {
      assertThatThrownBy(() -> RemoteGround.attachGuest(directory, GuestSpec.of("twin", "net")))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("twin")
          .hasMessageContaining("has this name");
    }
  }

  @Test
  void detachesWhoeverSendsGarbage() throws Exception {
    try (GuestDomain bystander =
        RemoteGround.attachGuest(directory, GuestSpec.of("bystander", "net"))) {
      Random random = new Random(4711);
      for (int i = 0; i < 300; i++) {
        byte[] garbage = new byte[1 + random.nextInt(i % 2 == 0 ? 64 : 60_000)];
        random.nextBytes(garbage);
        if (garbage.length > 5) {
          garbage[4] = (byte) random.nextInt(9);
        }
        try (SeqpacketSocket socket = i % 3 == 0 ? connect() : attach("hostile" + i)) {
          socket.send(ByteBuffer.wrap(garbage));
          socket.send(ByteBuffer.wrap(new byte[] {1, 2}));
          while (socket.receive(false).isPresent()) {}
        } catch (IOException e) {
          assertThat(e).hasMessageContaining("sendmsg");
        }
      }
      EventChannel channel = bystander.events().allocate(0, loop, () -> true);
      assertThat(channel.port()).isPositive();
      channel.close();
    }
  }

  @Test
  void keepsGuestsFromTheBackendsRequests() throws IOException {
    try (GuestDomain victim = RemoteGround.attachGuest(directory, GuestSpec.of("victim", "net"));
        SeqpacketSocket hostile = attach("hostile")) {
      hostile.send(GroundMessage.write(2, new OpenMemory(victim.domid())));
      assertThat(hostile.receive(true)).isEmpty();
    }
    try (SeqpacketSocket hostile = attach("hostile2")) {
      hostile.send(GroundMessage.write(2, new GroundMessage.AttachBackend()));
      assertThat(hostile.receive(true)).isEmpty();
    }
  }

  @Test
  void refusesOffersToOtherDomains() throws Exception {
    try (GuestDomain one = RemoteGround.attachGuest(directory, GuestSpec.of("one", "net"));
        GuestDomain two = RemoteGround.attachGuest(directory, GuestSpec.of("two", "net"))) {
      EventChannel offered = one.events().allocate(0, loop, () -> true);
      assertThatThrownBy(() -> two.events().bind(one.domid(), offered.port(), loop, () -> true))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("offered to domain 0, not to domain " + two.domid());
      offered.close();
    }
  }

  @Test
  void detachesAGuestThatNeverReads() throws Exception {
    SeqpacketSocket socket = attach("deaf");
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    assertThatThrownBy(
            () -> {
              for (int sent = 0; sent < 100_000 && System.nanoTime() < end; ) {
                try {
                  socket.send(GroundMessage.write(sent + 2, new GroundMessage.ClosePort(77)));
                  sent++;
                } catch (IOException e) {
                  if (!String.valueOf(e.getMessage()).contains("EAGAIN")) {
                    throw e;
                  }
                  Thread.onSpinWait();
                }
              }
            })
        .hasMessageMatching("sendmsg: (EPIPE|ECONNRESET)");
    Eventually.await("store empty", this::storeIsEmpty);
    socket.close();
  }

  @Test
  void closesDescriptorsThatAGuestSends() throws Exception {
    SeqpacketSocket socket = attach("flood");
    int before = HypervisorTest.openFiles();
    for (int i = 0; i < 2000; i++) {
      socket.send(GroundMessage.write(i + 2, new GroundMessage.ClosePort(77)), 0, 1);
      assertThat(socket.receive(true)).isPresent();
    }
    // Sessions of the test before may have been at their end when these were counted.
    Eventually.await("descriptors flat", () -> HypervisorTest.openFiles() <= before);
    socket.close();
  }

  @Test
  void slowsDownAStormFromAnotherProcess() throws Exception {
    try (GuestDomain guest = RemoteGround.attachGuest(directory, GuestSpec.of("storm", "net"))) {
      EventChannel offered = guest.events().allocate(0, loop, () -> true);
      AtomicLong calls = new AtomicLong();
      EventChannel bound =
          backend
              .guests()
              .events()
              .bind(
                  guest.domid(),
                  offered.port(),
                  loop,
                  () -> {
                    calls.incrementAndGet();
                    return false;
                  });
      long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(1500);
      long rings = 0;
      while (System.nanoTime() < end || rings <= 1000) {
        offered.notifyPeer();
        rings++;
      }
      // Two at once, then after 1, 2, 4 … ms: eleven or so in one and a half seconds.
      assertThat(calls.get()).isBetween(3L, 16L);
      bound.close();
      offered.close();
    }
  }

  @Test
  void keepsGuestsAliveWhenTheirBackendIsKilled(@TempDir Path apart) throws Exception {
    try (ChildProcess _ = ChildProcess.ground(apart);
        GuestDomain guest = RemoteGround.attachGuest(apart, GuestSpec.of("guest", "net"))) {
      AtomicInteger events = new AtomicInteger();
      EventChannel offered =
          guest
              .events()
              .allocate(
                  0,
                  loop,
                  () -> {
                    events.incrementAndGet();
                    return true;
                  });
      var page = guest.memory().allocate(1);
      assertThat(guest.memory().grant(page, 0, false)).isEqualTo(8);
      try (ChildProcess killed = ChildProcess.backend(apart, guest.domid(), offered.port())) {
        assertThat(killed.line()).isEqualTo("bound");
        Eventually.await("event from the first", () -> events.get() == 1);
        assertThat(guest.memory().revoke(8)).isFalse();
        killed.kill();
      }
      try (ChildProcess next = ChildProcess.backend(apart, guest.domid(), offered.port())) {
        assertThat(next.line()).isEqualTo("bound");
        Eventually.await("event from the second", () -> events.get() == 2);
      }
      Eventually.await("pins gone", () -> guest.memory().revoke(8));
      assertThat(guest.lost().toCompletableFuture()).isNotDone();
    }
  }

  @Test
  void letsGuestsAttachAgainWhenTheGroundHasDied(@TempDir Path apart) throws Exception {
    GuestDomain first;
    try (ChildProcess ground = ChildProcess.ground(apart)) {
      first = RemoteGround.attachGuest(apart, GuestSpec.of("guest", "net"));
      ground.kill();
    }
    assertThat(first.lost().toCompletableFuture().get(1, TimeUnit.MINUTES)).isNotEmpty();
    first.close();
    try (ChildProcess _ = ChildProcess.ground(apart);
        GuestDomain again = RemoteGround.attachGuest(apart, GuestSpec.of("guest", "net"))) {
      assertThat(again.store().read("device/vif/0/mac"))
          .hasValue(VifSpec.named("guest", 0, "net").mac());
    }
  }
}
