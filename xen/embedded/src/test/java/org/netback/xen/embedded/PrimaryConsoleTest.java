package org.netback.xen.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.embedded.toolstack.GuestSpec;
import org.netback.xen.event.EventChannel;
import org.netback.xen.foreign.ForeignMemory;
import org.netback.xen.grant.GrantTable.GrantMapping;
import org.netback.xen.ground.Backend;
import org.netback.xen.io.console.ConsolePage;
import org.netback.xen.ring.ByteRing;
import org.netback.xen.store.StoreException;

/// A guest's primary console as the toolstack makes it: for guests in this process and attached
/// ones, with backends in the ground's process and apart.
final class PrimaryConsoleTest {
  @TempDir private Path directory;
  private final NettyLoop loop = NettyLoop.start("console-test");
  private EmbeddedGround ground;

  @BeforeEach
  void open() throws IOException {
    ground = EmbeddedGround.open(directory);
  }

  @AfterEach
  void close() throws IOException {
    ground.close();
    loop.close();
  }

  private void carriesAWord(Backend backend, GuestDomain guest) throws Exception {
    CompletableFuture<String> heard = new CompletableFuture<>();
    EventChannel front = guest.openConsole(loop, () -> heard.complete("backend"));
    String console = "/local/domain/" + guest.domid() + "/console/";
    int port = Integer.parseInt(backend.store().read(console + "port").orElseThrow());
    assertThat(port).isEqualTo(front.port());
    long frame = Long.parseLong(backend.store().read(console + "ring-ref").orElseThrow());
    CompletableFuture<String> told = new CompletableFuture<>();
    ForeignMemory foreign = backend.guests().foreign();
    try (GrantMapping byFrame = foreign.map(guest.domid(), new long[] {frame}, false);
        GrantMapping byGrant =
            backend
                .guests()
                .grants()
                .map(guest.domid(), new int[] {ConsolePage.RESERVED_GREF}, false);
        EventChannel back =
            backend
                .guests()
                .events()
                .bind(guest.domid(), port, loop, () -> told.complete("guest"))) {
      ByteRing guestEnd = ConsolePage.frontend(guest.consolePage());
      ByteRing backendEnd = ConsolePage.backend(byGrant.memory());
      byte[] word = "login: ".getBytes(StandardCharsets.US_ASCII);
      assertThat(guestEnd.put(word, 0, word.length)).isEqualTo(word.length);
      front.notifyPeer();
      assertThat(told.get(20, TimeUnit.SECONDS)).isEqualTo("guest");
      assertThat(backendEnd.waiting()).isEqualTo(word.length);
      // The same page, by its number.
      byte[] seen = new byte[word.length];
      assertThat(ConsolePage.backend(byFrame.memory()).peek(seen, 0, seen.length))
          .isEqualTo(word.length);
      assertThat(seen).isEqualTo(word);
      back.notifyPeer();
      assertThat(heard.get(20, TimeUnit.SECONDS)).isEqualTo("backend");
    }
    assertThatThrownBy(() -> guest.openConsole(loop, () -> true))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("open already");
    front.close();
  }

  private GuestDomain attached() throws IOException {
    return RemoteGround.attachGuest(directory, GuestSpec.of("guest", "net"));
  }

  @Test
  void ofAGuestInThisProcess() throws Exception {
    try (Backend backend = ground.backend();
        GuestDomain guest = ground.createDomain(GuestSpec.of("guest", "net"))) {
      carriesAWord(backend, guest);
    }
  }

  @Test
  void ofAnAttachedGuest() throws Exception {
    try (Backend backend = ground.backend();
        GuestDomain guest = attached()) {
      carriesAWord(backend, guest);
    }
  }

  @Test
  void ofAnAttachedGuestAndABackendApart() throws Exception {
    try (Backend backend = RemoteGround.attachBackend(directory);
        GuestDomain guest = attached()) {
      carriesAWord(backend, guest);
    }
  }

  /// XSA-57: where its console is, is not the guest's to say.
  @Test
  void itsNodesAreNotTheGuestsToWrite() throws Exception {
    try (GuestDomain guest = attached()) {
      guest.openConsole(loop, () -> true).close();
      assertThat(guest.store().read("console/port")).isPresent();
      for (String node : new String[] {"port", "ring-ref", "tty", "limit"}) {
        assertThatThrownBy(() -> guest.store().write("console/" + node, "1"))
            .isInstanceOf(StoreException.class)
            .hasMessageContaining("EACCES");
      }
    }
  }

  @Test
  void mapsNoFrameThatADomainDoesNotHave() throws Exception {
    try (GuestDomain guest =
            ground.createDomain(new GuestSpec("guest", new DomainSize(1, 3), List.of()));
        Backend own = ground.backend();
        Backend apart = RemoteGround.attachBackend(directory)) {
      for (Backend backend : new Backend[] {own, apart}) {
        ForeignMemory foreign = backend.guests().foreign();
        foreign.map(guest.domid(), new long[] {0, 4, 2}, true).close();
        for (long frame : new long[] {5, -1, 1L << 40}) {
          assertThatThrownBy(() -> foreign.map(guest.domid(), new long[] {1, frame}, false))
              .isInstanceOf(IOException.class)
              .hasMessageContaining("frame " + Long.toUnsignedString(frame));
        }
        assertThatThrownBy(() -> foreign.map(4711, new long[] {1}, false))
            .isInstanceOf(IOException.class)
            .hasMessageContaining("4711");
        GrantMapping mapping = foreign.map(guest.domid(), new long[] {1}, true);
        MemorySegment memory = mapping.memory();
        assertThatThrownBy(() -> memory.set(ValueLayout.JAVA_BYTE, 0, (byte) 1))
            .isInstanceOf(IllegalArgumentException.class);
        mapping.close();
        mapping.close();
        assertThatThrownBy(() -> memory.get(ValueLayout.JAVA_BYTE, 0))
            .isInstanceOf(IllegalStateException.class);
      }
    }
  }
}
