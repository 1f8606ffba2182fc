package org.netback.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.netback.loop.Eventually.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.netback.loop.InternalErrors;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.embedded.EmbeddedGround;
import org.netback.xen.embedded.GuestDomain;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.embedded.toolstack.GuestSpec;
import org.netback.xen.event.EventChannel;
import org.netback.xen.grant.GrantTable.GrantMapping;
import org.netback.xen.ground.Backend;
import org.netback.xen.io.console.ConsolePage;
import org.netback.xen.ring.ByteRing;
import org.netback.xen.ring.RingViolation;

/// A shell at a console whose backend is the test.
@Timeout(120)
class ConsoleShellTest {
  @TempDir private Path directory;
  private final InternalErrors errors = new InternalErrors(System::nanoTime);
  private final NettyLoop loop = NettyLoop.start("backend");
  private EmbeddedGround ground;
  private Backend backend;

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
    assertThat(errors.count()).isZero();
  }

  private GuestDomain domain() throws IOException {
    return ground.createDomain(new GuestSpec("guest", new DomainSize(1, 10), List.of()));
  }

  /// The backend's end of a guest's primary console.
  private final class Terminal implements AutoCloseable {
    private final GrantMapping page;
    private final EventChannel channel;
    private final ByteRing ring;
    private final StringBuilder screen = new StringBuilder();

    Terminal(GuestDomain domain) throws Exception {
      int domid = domain.domid();
      page = backend.guests().grants().map(domid, new int[] {ConsolePage.RESERVED_GREF}, false);
      String node = "/local/domain/" + domid + "/console/port";
      int port = Integer.parseInt(backend.store().read(node).orElseThrow());
      channel = backend.guests().events().bind(domid, port, loop, () -> true);
      ring = ConsolePage.backend(page.memory());
    }

    void type(String text) throws Exception {
      byte[] octets = text.getBytes(StandardCharsets.US_ASCII);
      int[] at = {0};
      await(
          "room for what is typed",
          () -> {
            at[0] += ring.put(octets, at[0], octets.length - at[0]);
            channel.notifyPeer();
            return at[0] == octets.length;
          });
    }

    void awaitShown(String text) throws Exception {
      try {
        await(
            text,
            () -> {
              look();
              return screen.indexOf(text) >= 0;
            });
      } catch (AssertionError e) {
        throw new AssertionError(e.getMessage() + " on " + screen, e);
      }
      screen.setLength(0);
    }

    private void look() throws RingViolation {
      byte[] octets = new byte[ring.waiting()];
      ring.consume(ring.peek(octets, 0, octets.length));
      screen.append(new String(octets, StandardCharsets.US_ASCII));
      channel.notifyPeer();
    }

    @Override
    public void close() {
      channel.close();
      page.close();
    }
  }

  @Test
  void whatIsTypedIsDoneAndSeen() throws Exception {
    try (ConsoleShell shell = ConsoleShell.start("/bin/sh", errors);
        GuestDomain domain = domain()) {
      shell.connect(domain);
      try (Terminal terminal = new Terminal(domain)) {
        terminal.type("echo $((6 * 7)) on $(tty)\r");
        terminal.awaitShown("42 on /dev/pts/");
        terminal.type("stty size\r");
        terminal.awaitShown("24 80");
        // More than the ring and the pty hold, so that the shell waits for the terminal.
        terminal.type("seq 1 20000; echo e''nd\r");
        terminal.awaitShown("20000\r\nend\r\n");
        // Its terminal is the controlling one: ^C reaches what runs there.
        terminal.type("(echo run''ning; sleep 1000)\r");
        terminal.awaitShown("running");
        terminal.type("\003");
        terminal.awaitShown("^C");
        terminal.type("echo st''ill there\r");
        terminal.awaitShown("still there");
      }
      shell.disconnect();
    }
  }

  /// A ground that comes back finds the same shell; a shell that ends is followed by another.
  @Test
  void aShellOutlivesItsDomainAndIsStartedAgainWhenItEnds() throws Exception {
    try (ConsoleShell shell = ConsoleShell.start("/bin/sh", errors)) {
      try (GuestDomain domain = domain()) {
        shell.connect(domain);
        try (Terminal terminal = new Terminal(domain)) {
          terminal.type("here=before\r");
          terminal.awaitShown("here=before");
        }
        shell.disconnect();
      }
      try (GuestDomain domain = domain()) {
        shell.connect(domain);
        try (Terminal terminal = new Terminal(domain)) {
          terminal.type("echo it was $here\r");
          terminal.awaitShown("it was before");
          terminal.type("exit\r");
          terminal.awaitShown("exit");
          terminal.type("echo it is -$here-\r");
          terminal.awaitShown("it is --");
        }
        shell.disconnect();
      }
    }
  }

  @Test
  void endsItsShellWhenItIsClosed() throws Exception {
    long before = children();
    ConsoleShell shell = ConsoleShell.start("exec sleep 1000", errors);
    await("the command", () -> children() == before + 1);
    shell.close();
    await("its end", () -> children() == before);
  }

  private static long children() {
    return ProcessHandle.current().children().filter(ProcessHandle::isAlive).count();
  }
}
