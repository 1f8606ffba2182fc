package org.netback.console;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.InstantSource;
import java.time.ZoneId;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.bus.Attachment;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.io.console.ConsolePage;
import org.netback.xen.ring.RingService;
import org.netback.xen.ring.RingViolation;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A console from its connection to its end: the same for the primary console and for others.
///
/// @param guest the domain's name, empty if it has none
record OpenConsole(
    ConsoleId id, String guest, GuestConsole console, Optional<Pty> pty, Attachment attachment) {
  private static final Logger LOG = LoggerFactory.getLogger(OpenConsole.class);
  private static final AtomicBoolean NO_PTY_TOLD = new AtomicBoolean();

  /// Makes a console of a page that is mapped; nothing runs before the attachment is started.
  ///
  /// @param portKey of the channel's port
  /// @param limit octets of output that may wait for a pty
  /// @throws DeviceException the page or the channel is wrong
  static OpenConsole open(
      ConsoleId id,
      String guest,
      Attachment attachment,
      MemorySegment page,
      String portKey,
      int limit,
      Consoles consoles)
      throws DeviceException {
    ConsoleSettings settings = consoles.settings();
    NettyLoop loop = consoles.loop();
    String name = ConsoleFileName.of(guest, id);
    GuestConsole console;
    try {
      console =
          new GuestConsole(
              ConsolePage.backend(page),
              loop,
              settings,
              new ConsoleLog(
                  settings.log(),
                  name,
                  InstantSource.system(),
                  ZoneId.systemDefault(),
                  complaint -> LOG.warn("log of {}: {}", id, complaint)),
              consoles.writers(),
              attachment::fail);
    } catch (RingViolation e) {
      throw new DeviceException("console page: " + e.getMessage(), e);
    }
    RingService service = console.service();
    attachment.serve(service, attachment.bind(portKey, loop, service::onEvent));
    Optional<Pty> pty = Optional.empty();
    if (settings.pty()) {
      try {
        pty = Optional.of(Pty.open(console, loop, settings.overflow(), limit));
        console.attach(pty.get(), true);
      } catch (IOException e) {
        // The log and those who attach are served all the same.
        tellOnce(id, e);
      }
    }
    attachment.keep(consoles.access().open(name, console));
    if (settings.tellsConnection()) {
      attachment.keep(() -> ConsolePage.tellConnected(page, false));
      ConsolePage.tellConnected(page, true);
    }
    return new OpenConsole(id, guest, console, pty, attachment);
  }

  /// Once: a guest may connect as often as it likes, and a host lacks ptys for all.
  private static void tellOnce(ConsoleId id, IOException e) {
    if (NO_PTY_TOLD.compareAndSet(false, true)) {
      LOG.warn("{} has no pty, nor may others have one: {}", id, e.getMessage());
    }
  }

  String tty() {
    return pty.map(Pty::path).orElse("");
  }

  ConsoleStatistics statistics() {
    return console.statistics(id, guest, tty());
  }
}
