package org.netback.client;

import java.io.IOException;
import java.io.Writer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// The commands about the daemon as a whole, and about netback itself.
@SuppressWarnings("ImmutableEnumChecker") // its lists are copies
public enum DaemonQuery implements Query {
  STOP(
      Syntax.query(
          "stop",
          "End the running daemon, as SIGTERM does: every guest sees its device closed. With"
              + " --keep-guests no guest notices, and the next daemon goes on where this one"
              + " stopped.",
          Option.KEEP_GUESTS,
          Option.WAIT)),
  STATUS(Syntax.query("status", "The daemon in a few lines.", Option.JSON)),
  EVENTS(
      Syntax.query(
          "events",
          "Tell what happens from now on, one line each: devices that appear, connect, are refused,"
              + " fail and go; taps that come and go. Ends with the daemon, or with Ctrl-C.",
          Option.JSON)),
  HELP(Syntax.of("help [COMMAND…]", "Tell what there is, or all about one command.")),
  VERSION(Syntax.of("version", "Print netback's version.")),

  /// For netback itself: a short run of the queries, for a start-up cache.
  REHEARSE_QUERIES(Syntax.of("rehearse-queries", ""));

  private final Syntax syntax;

  DaemonQuery(Syntax syntax) {
    this.syntax = syntax;
  }

  @Override
  public Syntax syntax() {
    return syntax;
  }

  @Override
  public void run(Invocation invocation, Writer out) throws IOException {
    switch (this) {
      case STOP -> stop(invocation, new Queries(invocation, out));
      case STATUS -> new Queries(invocation, out).show("/status", Layouts::status);
      case EVENTS -> new Queries(invocation, out).follow("/events", Layouts::event);
      case HELP -> print(out, Help.about(invocation.arguments()));
      case VERSION -> print(out, "netback " + Version.current() + '\n');
      case REHEARSE_QUERIES -> Rehearsal.run();
    }
  }

  private static void print(Writer out, String text) throws IOException {
    out.write(text);
    out.flush();
  }

  /// Has the daemon end, and waits until it has.
  private static void stop(Invocation invocation, Queries queries) throws IOException {
    Duration patience = invocation.seconds("--wait");
    String body = "{\"keepGuests\": " + invocation.has("--keep-guests") + "}";
    long pid = queries.read(queries.ask("POST", "/stop", body)).at("pid").number();
    try {
      ProcessHandle.of(pid)
          .map(ProcessHandle::onExit)
          .orElse(CompletableFuture.completedFuture(ProcessHandle.current()))
          .get(patience.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UserError(UserError.FAILED, "interrupted");
    } catch (ExecutionException | TimeoutException e) {
      throw new UserError(
          UserError.TIMEOUT,
          "the daemon, pid "
              + pid
              + ", is ending and has not ended within "
              + patience.toMillis() / 1000.0
              + " s: see its log, or wait longer with --wait SECONDS");
    }
  }
}
