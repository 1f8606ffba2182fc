package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.netback.loop.InternalErrors;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.embedded.GuestDomain;
import org.netback.xen.embedded.RemoteGround;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.embedded.toolstack.GuestSpec;
import org.netback.xen.event.EventChannel;
import org.netback.xen.frontends.Consfront;

/// What logrotate does to a daemon that is a process of its own.
@Timeout(120)
class ReopenLogsTest {
  private static void put(Consfront console, String text) throws Exception {
    byte[] octets = text.getBytes(StandardCharsets.US_ASCII);
    assertThat(console.put(octets, 0, octets.length)).isEqualTo(octets.length);
  }

  private static boolean has(Path log, String text) throws Exception {
    return Files.exists(log) && Files.readString(log).equals(text);
  }

  @Test
  void aSignalHasLogsOpenedAnewAndEndsNothing() throws Exception {
    try (Lab lab = new Lab()) {
      Path logs = lab.directory().resolve("consoles");
      NetnsProcess daemon = lab.daemon("ground: {run: run}\nconsoles: {log: %s}\n".formatted(logs));
      NettyLoop loop = lab.add(NettyLoop.start("guest"));
      GuestDomain guest =
          lab.add(
              RemoteGround.attachGuest(
                  lab.run(),
                  new GuestSpec("web", new DomainSize(1, 10), List.of()),
                  Duration.ofSeconds(30),
                  new InternalErrors(System::nanoTime)));
      EventChannel channel = guest.openConsole(loop, () -> true);
      Consfront console = Consfront.attach(guest.consolePage(), channel);
      Path log = logs.resolve("guest-web.log");
      Path moved = logs.resolve("guest-web.log.1");

      put(console, "one ");
      lab.await("the first word", () -> has(log, "one "));
      Files.move(log, moved);
      put(console, "two ");
      lab.await("the second word", () -> has(moved, "one two "));
      for (int i = 1; i <= 2; i++) {
        long times = i;
        Lab.signal(daemon, "HUP");
        lab.await(
            "the signal's effect",
            () ->
                lab.log("daemon").lines().filter(line -> line.contains("opened anew")).count()
                    == times);
      }
      put(console, "three");
      lab.await("the third word", () -> has(log, "three"));
      assertThat(moved).hasContent("one two ");

      Lab.signal(daemon, "TERM");
      assertThat(daemon.process().waitFor()).isZero();
    }
  }
}
