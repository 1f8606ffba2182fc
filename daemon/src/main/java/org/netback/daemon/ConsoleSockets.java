package org.netback.daemon;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.netback.console.Access;
import org.netback.console.GuestConsole;
import org.netback.daemon.control.DuplexServer;
import org.netback.loop.EventLoop;
import org.netback.loop.netty.NettyLoop;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A Unix socket for each console, `guest-<name>.sock` in one directory: raw octets both ways, as
/// the control API carries them after its upgrade, and by the same rules ([ConsoleClient]).
///
/// A socket whose name is taken, by a file, by another process or by a console of the same name
/// that has not gone yet, is tried again every ten seconds; its console is served all the same.
///
/// Confined to the bus's loop; clients are served on the consoles'.
final class ConsoleSockets implements Access {
  /// At one socket at a time: each costs memory when it does not read.
  static final int MAX_CLIENTS = 16;

  private static final Logger LOG = LoggerFactory.getLogger(ConsoleSockets.class);
  private static final long AGAIN_NANOS = TimeUnit.SECONDS.toNanos(10);

  private final Path directory;
  private final EventLoop bus;
  private final NettyLoop loop;

  /// @param directory made if it is not there, and left when all has gone
  /// @param bus the bus's loop, which may wait
  /// @param loop the consoles'
  ConsoleSockets(Path directory, EventLoop bus, NettyLoop loop) {
    this.directory = directory;
    this.bus = bus;
    this.loop = loop;
  }

  @Override
  public Runnable open(String name, GuestConsole console) {
    Door door = new Door(directory.resolve(name + ".sock"), console);
    door.tryOpen();
    return door::close;
  }

  /// One console's socket, or the wait for it.
  private final class Door {
    private final Path path;
    private final GuestConsole console;
    private Optional<DuplexServer> server = Optional.empty();
    private boolean over;
    private String told = "";

    Door(Path path, GuestConsole console) {
      this.path = path;
      this.console = console;
    }

    private void tryOpen() {
      if (over) {
        return;
      }
      try {
        Files.createDirectories(
            directory,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        server =
            Optional.of(
                DuplexServer.listen(
                    path, loop, MAX_CLIENTS, () -> ConsoleClient.ofOctets(console, true)));
      } catch (IOException e) {
        String message = String.valueOf(e.getMessage());
        if (!message.equals(told)) {
          LOG.warn("a console has no socket: {}", message);
          told = message;
        }
        bus.schedule(AGAIN_NANOS, this::tryOpen);
      }
    }

    private void close() {
      over = true;
      if (server.isPresent()) {
        try {
          server.get().close();
        } catch (IOException e) {
          LOG.warn("{}: {}", path, e.getMessage());
        }
      }
    }
  }
}
