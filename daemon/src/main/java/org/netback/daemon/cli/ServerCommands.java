package org.netback.daemon.cli;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jline.utils.Signals;
import org.netback.client.UserError;
import org.netback.daemon.Daemon;
import org.netback.daemon.Ending;
import org.netback.daemon.config.Configuration;
import org.netback.daemon.config.Configuration.Dom0Choice;
import org.netback.daemon.config.Configuration.EmbeddedChoice;
import org.netback.daemon.config.Configuration.GroundChoice;
import org.netback.daemon.config.ConfigurationException;
import org.netback.daemon.config.ConfigurationFile;
import org.netback.guest.GuestProcess;
import org.netback.loop.InternalErrors;
import org.netback.xen.embedded.EmbeddedGround;
import org.netback.xen.embedded.toolstack.VifSpec;
import org.netback.xen.frontends.NetfrontOptions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What stays in the foreground until a signal ends it.
final class ServerCommands {
  private static final Logger LOG = LoggerFactory.getLogger("netback");

  private ServerCommands() {}

  /// The process's: what ends a thread goes there too.
  static InternalErrors errors() {
    InternalErrors errors = new InternalErrors(System::nanoTime);
    Thread.setDefaultUncaughtExceptionHandler(errors::uncaught);
    return errors;
  }

  static int run(Path file) {
    Configuration configuration;
    try {
      configuration = ConfigurationFile.read(file);
    } catch (ConfigurationException e) {
      throw new UserError(UserError.CONFIGURATION, String.valueOf(e.getMessage()));
    }
    CompletableFuture<Daemon> started = new CompletableFuture<>();
    // From now on, or a rotation of logs at the wrong time would end the start.
    Signals.register(
        "HUP",
        () -> {
          var _ = started.thenAccept(Daemon::reopenLogs);
        });
    Daemon daemon;
    try {
      daemon = Daemon.start(configuration, errors());
      started.complete(daemon);
    } catch (IOException e) {
      throw failed(configuration.ground(), e);
    }
    AtomicBoolean ending = new AtomicBoolean();
    closeAtSignal(daemon, ending);
    LOG.info("running, pid {}", ProcessHandle.current().pid());
    CompletableFuture<Ending> stopping = daemon.stopping().toCompletableFuture();
    String reason =
        await(
            daemon
                .groundLost()
                .toCompletableFuture()
                .applyToEither(stopping.thenApply(_ -> ""), text -> text));
    if (!ending.compareAndSet(false, true)) {
      return await(new CompletableFuture<String>()).length(); // closing has cut it
    }
    if (stopping.isDone()) {
      LOG.info("closing as asked: {}", stopping.join());
      daemon.close(stopping.join());
      return 0;
    }
    // Without a word to the guests, who may still be there: no frontend comes back by itself from a
    // device that was closed.
    daemon.close(Ending.KEEP_GUESTS);
    throw new UserError(
        UserError.UNAVAILABLE,
        "the ground "
            + configuration.ground().description()
            + " is gone ("
            + reason
            + "): start "
            + switch (configuration.ground()) {
              case EmbeddedChoice _ -> "it again, then this daemon";
              case Dom0Choice _ -> "this daemon again, as its service does; guests are kept";
            });
  }

  static int ground(Path directory) {
    EmbeddedGround ground;
    try {
      ground = EmbeddedGround.open(directory, errors());
    } catch (IOException e) {
      throw failed(directory, e);
    }
    closeAtSignal(ground, new AtomicBoolean());
    LOG.info("ground {}, pid {}", directory, ProcessHandle.current().pid());
    return await(new CompletableFuture<String>()).length();
  }

  private static UserError failed(GroundChoice ground, IOException e) {
    return switch (ground) {
      case EmbeddedChoice embedded -> failed(embedded.run(), e);
      case Dom0Choice _ -> new UserError(UserError.UNAVAILABLE, UserError.reason(e));
    };
  }

  private static UserError failed(Path ground, IOException e) {
    String message = UserError.reason(e);
    if (e instanceof AccessDeniedException) {
      return new UserError(
          UserError.FORBIDDEN, message + ": run this as root, or choose another directory");
    }
    if (e instanceof SocketTimeoutException) {
      return new UserError(
          UserError.TIMEOUT,
          message
              + ": its process may be stopped, or have too much to do; see that, and try again");
    }
    if (message.startsWith("connect to " + ground) && message.endsWith("EACCES")) {
      return new UserError(
          UserError.FORBIDDEN, message + ": run this as the ground's user, or as root");
    }
    return message.startsWith("connect to " + ground)
        ? new UserError(
            UserError.UNAVAILABLE,
            "no ground listens in "
                + ground
                + " ("
                + message
                + "): start \"netback ground --run DIR\" or a daemon with a ground of its own, or"
                + " name another directory")
        : new UserError(UserError.FAILED, message);
  }

  /// @param ground the ground's socket, or its directory
  /// @param shell the command at its console; empty for no console
  /// @param patience how long the ground may take to answer
  static int guest(
      Path ground,
      String name,
      VifSpec vif,
      String tap,
      NetfrontOptions options,
      Optional<String> shell,
      Duration patience) {
    Path directory =
        ground.endsWith("ground.sock")
            ? Optional.ofNullable(ground.toAbsolutePath().getParent()).orElse(ground)
            : ground;
    GuestProcess guest;
    try {
      guest = GuestProcess.start(directory, name, vif, tap, options, shell, patience, errors());
    } catch (IOException e) {
      throw failed(directory, e);
    } catch (IllegalArgumentException e) {
      throw new UserError(UserError.USAGE, String.valueOf(e.getMessage()));
    }
    AtomicBoolean ending = new AtomicBoolean();
    closeAtSignal(guest, ending);
    String reason = await(guest.ended());
    if (!ending.compareAndSet(false, true)) {
      return await(new CompletableFuture<String>()).length();
    }
    throw new UserError(UserError.FAILED, reason);
  }

  /// SIGTERM and SIGINT close the server in order; that is a success.
  ///
  /// @param ending set by whatever ends the process first: a signal, or a failure with an exit code
  ///   of its own
  private static void closeAtSignal(AutoCloseable server, AtomicBoolean ending) {
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  boolean signalled = ending.compareAndSet(false, true);
                  LOG.info("closing");
                  int code = 0;
                  try {
                    server.close();
                  } catch (Throwable e) {
                    LOG.error("closing", e);
                    code = 1;
                  }
                  if (signalled) {
                    Runtime.getRuntime().halt(code);
                  }
                },
                "close"));
  }

  private static String await(CompletableFuture<String> end) {
    try {
      return end.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "interrupted";
    } catch (ExecutionException e) {
      return String.valueOf(e.getCause());
    }
  }
}
