package org.netback.guest;

import java.io.File;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.netback.loop.Closing;
import org.netback.loop.InternalErrors;
import org.netback.loop.netty.FdWatch;
import org.netback.loop.netty.NettyLoop;
import org.netback.loop.netty.PtyMaster;
import org.netback.xen.embedded.GuestDomain;
import org.netback.xen.event.EventChannel;
import org.netback.xen.frontends.Consfront;
import org.netback.xen.ring.RingViolation;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A shell at a guest's primary console: a command on a pty of its own, whose octets pass between
/// the pty and the console's ring. It has the rights of this process. When it ends, it is started
/// again, as a getty is.
///
/// It lives as long as the process, and the console as long as the guest's domain: a ground that
/// comes back finds the same shell. While there is no console, output waits in the pty.
///
/// The ring has no place for the size of a window: the shell believes in 80 columns and 24 lines.
///
/// Any thread may call the methods; the rest is confined to a loop of its own.
public final class ConsoleShell implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger("guest");
  private static final int CHUNK = 1024;
  private static final long AGAIN_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final long CLOSE_SECONDS = 2;

  /// A process that a script has put into the background ignores Ctrl-C, and so would all that it
  /// starts.
  private static final String ENV = "/usr/bin/env";

  private static final String SIGNALS = "--default-signal";

  /// A session of its own, in which the first terminal that is opened is the controlling one.
  private static final String ON_TERMINAL = "exec /bin/sh -c \"$1\" <\"$0\" >\"$0\" 2>&1";

  private final PtyMaster pty;
  private final String command;
  private final NettyLoop loop;
  private Optional<FdWatch> watch = Optional.empty();
  private Optional<Console> console = Optional.empty();

  /// What was typed, of which the pty has not taken all yet.
  private final byte[] typed = new byte[CHUNK];

  private int typedAt;
  private int typedEnd;

  /// What the shell has written, of which the ring has not taken all yet.
  private final byte[] shown = new byte[CHUNK];

  private int shownAt;
  private int shownEnd;

  private volatile Optional<Process> shell = Optional.empty();
  private volatile boolean closed;

  private record Console(EventChannel channel, Consfront front) {}

  private ConsoleShell(PtyMaster pty, String command, NettyLoop loop) {
    this.pty = pty;
    this.command = command;
    this.loop = loop;
  }

  /// Starts the shell, which has no console yet.
  ///
  /// @param command for `/bin/sh -c`
  /// @param errors where what escapes a callback is recorded
  /// @throws IOException there is no pty, or no `setsid`; nothing stays behind
  public static ConsoleShell start(String command, InternalErrors errors) throws IOException {
    PtyMaster pty = PtyMaster.cooked();
    ConsoleShell started = new ConsoleShell(pty, command, NettyLoop.start("console", 0, errors));
    try {
      started.startShell();
      FdWatch watch = FdWatch.open(started.loop, pty.descriptor(), _ -> started.pump());
      started.loop.execute(
          () -> {
            started.watch = Optional.of(watch);
            started.pump();
          });
      return started;
    } catch (Throwable e) {
      started.close();
      throw e;
    }
  }

  private void startShell() throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(
                "setsid", ENV, SIGNALS, "/bin/sh", "-c", ON_TERMINAL, pty.path(), command)
            .redirectInput(new File("/dev/null"))
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD);
    builder.environment().put("TERM", "vt220");
    Process process;
    try {
      process = builder.start();
    } catch (IOException e) {
      throw new IOException("a console needs setsid, of util-linux: " + e.getMessage(), e);
    }
    shell = Optional.of(process);
    var _ = process.onExit().thenRun(() -> loop.schedule(AGAIN_NANOS, this::startAgain));
    if (closed) {
      process.destroyForcibly();
    }
  }

  private void startAgain() {
    if (closed) {
      return;
    }
    try {
      startShell();
    } catch (IOException e) {
      LOG.warn("{}", e.getMessage());
      loop.schedule(AGAIN_NANOS, this::startAgain);
    }
  }

  /// Puts the shell at a domain's primary console, which is opened by this.
  ///
  /// @throws IOException the console cannot be opened
  public void connect(GuestDomain domain) throws IOException {
    EventChannel channel = domain.openConsole(loop, this::pump);
    try {
      Consfront front = Consfront.attach(domain.consolePage(), channel);
      loop.execute(
          () -> {
            console = Optional.of(new Console(channel, front));
            pump();
          });
    } catch (RingViolation e) {
      channel.close();
      throw new IOException("a new console's page is not zeroed", e);
    }
  }

  /// Lets go of the console, whose page and channel are not touched once this has returned.
  public void disconnect() {
    onLoop(this::letGo);
  }

  private void onLoop(Runnable work) {
    try {
      CompletableFuture.runAsync(work, loop::execute).get(CLOSE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException | TimeoutException e) {
      LOG.warn("the console was not let go of", e);
    }
  }

  private void letGo() {
    Optional<Console> last = console;
    console = Optional.empty();
    last.ifPresent(each -> each.channel.close());
    // What was typed was for the console that has gone.
    typedAt = typedEnd;
  }

  /// Passes on whatever there is, both ways.
  ///
  /// @return whether there was something
  private boolean pump() {
    boolean moved = false;
    try {
      boolean more = console.isPresent();
      while (more) {
        more = type(console.get().front);
        more |= show(console.get().front);
        moved |= more;
      }
    } catch (RingViolation | IOException e) {
      LOG.warn("the console is left: {}", e.getMessage());
      letGo();
    }
    watch.ifPresent(
        each -> each.listenFor(console.isPresent() && shownAt == shownEnd, typedAt < typedEnd));
    return moved;
  }

  private boolean type(Consfront front) throws RingViolation, IOException {
    if (typedAt == typedEnd) {
      typedAt = 0;
      typedEnd = front.take(typed);
    }
    int count = typedAt == typedEnd ? 0 : pty.write(typed, typedAt, typedEnd - typedAt);
    typedAt += count;
    return count > 0;
  }

  private boolean show(Consfront front) throws RingViolation, IOException {
    if (shownAt == shownEnd) {
      shownAt = 0;
      shownEnd = pty.read(shown);
    }
    int count = shownAt == shownEnd ? 0 : front.put(shown, shownAt, shownEnd - shownAt);
    shownAt += count;
    return count > 0;
  }

  /// Ends the shell, as a terminal does that is switched off: by SIGHUP, and then by SIGKILL.
  @Override
  public void close() {
    closed = true;
    Closing.all(() -> onLoop(this::closePty), this::endShell, loop::close);
  }

  private void closePty() {
    letGo();
    watch.ifPresent(FdWatch::close);
    watch = Optional.empty();
    try {
      pty.close();
    } catch (IOException e) {
      LOG.warn("{}: {}", pty.path(), e.getMessage());
    }
  }

  private void endShell() {
    shell.ifPresent(
        process -> {
          try {
            if (!process.waitFor(CLOSE_SECONDS, TimeUnit.SECONDS)) {
              process.destroyForcibly();
            }
          } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
          }
        });
  }
}
