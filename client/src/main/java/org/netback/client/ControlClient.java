package org.netback.client;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/// Asks a daemon over its control socket, and waits for each answer, or for the beginning of a
/// stream, no longer than it was told to. It speaks as much HTTP/1.1 as the daemon does: an answer
/// says how long it is, or comes in chunks. Any thread; each request has a connection of its own.
public final class ControlClient {
  public static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(5);

  /// Of an answer that is read as a whole: a MAC table of 250,000 rows in JSON.
  private static final int MAX_BODY = 32 << 20;

  /// RFC 9110 section 15.5.14; it has no body.
  private static final int TOO_LONG = 413;

  private final Path socket;
  private final Duration timeout;

  public ControlClient(Path socket) {
    this(socket, DEFAULT_TIMEOUT);
  }

  /// @param timeout from the beginning of a request to the last octet of its answer, or to the
  ///   first of a stream
  public ControlClient(Path socket, Duration timeout) {
    this.socket = socket;
    this.timeout = timeout;
  }

  /// What the daemon answered.
  public record Response(int status, String body) {
    /// What an answer that says no gives as its reason.
    String reason() {
      try {
        String error = Json.parse(body).at("error").text();
        if (!error.isEmpty()) {
          return error;
        }
      } catch (IllegalArgumentException e) {
        // No daemon of ours, or none of this version: what it says is shown as it is.
      }
      return status == TOO_LONG
          ? "that is more than the daemon takes at once: send less"
          : "HTTP status " + status + ' ' + body.strip();
    }
  }

  /// A path whose parts may be any text: `path("vifs", "a b")` is `/vifs/a%20b`.
  public static String path(String... parts) {
    StringBuilder path = new StringBuilder();
    for (String part : parts) {
      path.append('/');
      for (byte octet : part.getBytes(StandardCharsets.UTF_8)) {
        if (isPlain((char) (octet & 0xff))) {
          path.append((char) octet);
        } else {
          path.append('%')
              .append(Character.toUpperCase(Character.forDigit(octet >> 4 & 0xf, 16)))
              .append(Character.toUpperCase(Character.forDigit(octet & 0xf, 16)));
        }
      }
    }
    return path.toString();
  }

  /// RFC 3986 section 2.3, unreserved characters.
  private static boolean isPlain(char c) {
    return c >= '0' && c <= '9'
        || c >= 'A' && c <= 'Z'
        || c >= 'a' && c <= 'z'
        || c == '-'
        || c == '.'
        || c == '_'
        || c == '~';
  }

  /// Takes a streaming answer's octets as they come.
  @FunctionalInterface
  public interface Sink {
    /// @param octets valid for the call
    void take(byte[] octets, int offset, int length) throws IOException;
  }

  /// Asks and waits.
  ///
  /// @param path as [#path] makes it
  /// @param body as JSON, empty for none
  /// @throws ControlException there is no answer, for a reason that the message tells; an answer
  ///   that says no is an answer
  public Response request(String method, String path, String body) throws ControlException {
    try (Exchange exchange = new Exchange(method, path)) {
      int status = exchange.ask("close", body);
      return new Response(status, exchange.whole());
    } catch (ControlException e) {
      throw e;
    } catch (IOException e) {
      throw new IllegalStateException(e); // closing a socket
    }
  }

  /// Asks, and hands the answer on as it comes, until the daemon ends it, however long that takes.
  ///
  /// @return with an empty body after a stream; an answer that says no is not handed on
  /// @throws ControlException no answer began in time, or it broke off
  /// @throws IOException the sink's own
  public Response stream(String method, String path, String body, Sink sink) throws IOException {
    try (Exchange exchange = new Exchange(method, path)) {
      int status = exchange.ask("close", body);
      if (status >= 300) {
        return new Response(status, exchange.whole());
      }
      exchange.pour(sink);
      return new Response(status, "");
    }
  }

  /// Has the daemon turn a connection into one of raw octets both ways.
  ///
  /// @param protocol that the path takes
  /// @throws ControlException there is no answer, or one that says no
  public ControlConnection upgrade(String method, String path, String protocol) throws IOException {
    Exchange exchange = new Exchange(method, path);
    try {
      int status = exchange.ask("Upgrade\r\nUpgrade: " + protocol, "");
      if (status != 101) {
        throw new ControlException(
            UserError.FAILED, new Response(status, exchange.whole()).reason());
      }
      return exchange.handOn();
    } catch (IOException e) {
      exchange.close();
      throw e;
    }
  }

  private static void write(SocketChannel channel, byte[] octets) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(octets);
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
  }

  private ControlException silent(boolean begun, String method) {
    return new ControlException(
        UserError.TIMEOUT,
        "the daemon on "
            + socket
            + (!begun ? " has not answered within " : " has not finished its answer within ")
            + timeout.toMillis() / 1000.0
            + " s: it may be stopped, or have too much to do; see its process and its log, or wait"
            + " longer with --timeout SECONDS"
            + (method.equals("GET") ? "" : "; when it goes on it may still do what it was told"));
  }

  private ControlException brokenOff(String reason) {
    return new ControlException(
        UserError.UNAVAILABLE,
        "the daemon on "
            + socket
            + " closed the connection without an answer ("
            + reason
            + "): it is ending, or is no netback");
  }

  private ControlException foreign(String what) {
    return new ControlException(
        UserError.PROTOCOL,
        "what answers on "
            + socket
            + " is no netback, or of another version: "
            + Table.printable(what));
  }

  private ControlException notConnected(String reason) {
    if (reason.equals("Permission denied")) {
      return new ControlException(
          UserError.FORBIDDEN,
          socket + ": permission denied: run this as the daemon's user, or as root");
    }
    if (isAnotherKindOfFile()) {
      return new ControlException(
          UserError.UNAVAILABLE,
          socket + " is no socket: name the daemon's, as in its configuration, with --control");
    }
    return new ControlException(
        UserError.UNAVAILABLE,
        "no daemon listens on "
            + socket
            + " ("
            + reason
            + "): start one with \"netback run --config FILE\", or name its socket with"
            + " --control SOCKET");
  }

  private boolean isAnotherKindOfFile() {
    try {
      return !Files.readAttributes(socket, BasicFileAttributes.class).isOther();
    } catch (IOException e) {
      return false;
    }
  }

  /// One request and its answer, on a connection of their own.
  private final class Exchange implements AutoCloseable {
    private final String method;
    private final String path;
    private final SocketChannel channel;
    private final Answer answer;
    private final CountDownLatch done = new CountDownLatch(1);

    /// Set before the channel is closed because the time is over.
    private volatile boolean late;

    Exchange(String method, String path) throws ControlException {
      this.method = method;
      this.path = path;
      try {
        channel = SocketChannel.open(StandardProtocolFamily.UNIX);
      } catch (IOException e) {
        throw notConnected(String.valueOf(e.getMessage()));
      }
      answer = new Answer(channel);
    }

    /// Sends the request and reads the answer's head. The time runs on until [#whole] or [#pour].
    ///
    /// @param connection the field of this name
    /// @return the answer's status
    int ask(String connection, String body) throws ControlException {
      byte[] request =
          (method
                  + ' '
                  + path
                  + " HTTP/1.1\r\nHost: netback\r\nConnection: "
                  + connection
                  + "\r\nContent-Length: "
                  + body.getBytes(StandardCharsets.UTF_8).length
                  + "\r\n\r\n"
                  + body)
              .getBytes(StandardCharsets.UTF_8);
      boolean connected = false;
      try {
        Thread.ofPlatform().daemon().name("timeout").start(this::giveUp);
        channel.connect(UnixDomainSocketAddress.of(socket));
        connected = true;
        write(channel, request);
        return answer.readHead();
      } catch (IOException e) {
        if (!late && !connected) {
          throw notConnected(String.valueOf(e.getMessage()));
        }
        throw broken(e);
      }
    }

    /// Waits in a thread of its own: a blocking channel knows no time, and one that does not block
    /// cannot wait for a daemon whose queue of connections is full.
    private void giveUp() {
      try {
        if (!done.await(timeout.toNanos(), TimeUnit.NANOSECONDS)) {
          late = true;
          channel.close();
        }
      } catch (InterruptedException | IOException e) {
        Thread.currentThread().interrupt();
      }
    }

    String whole() throws ControlException {
      try {
        return answer.readWhole(
            MAX_BODY,
            ": read so long an answer with curl --unix-socket "
                + socket
                + " http://netback"
                + path);
      } catch (IOException e) {
        throw broken(e);
      }
    }

    /// The time is over only before the first octet of the body.
    void pour(Sink sink) throws IOException {
      done.countDown();
      try {
        answer.pour(sink);
      } catch (Answer.BrokenException e) {
        throw new ControlException(
            UserError.UNAVAILABLE,
            "the daemon on "
                + socket
                + " has gone in the midst of its answer ("
                + Table.printable(String.valueOf(e.getMessage()))
                + "): see its log");
      }
    }

    ControlConnection handOn() {
      done.countDown();
      return new ControlConnection(channel, answer);
    }

    private ControlException broken(IOException e) {
      String reason = String.valueOf(e.getMessage());
      return late
          ? silent(answer.hasBegun(), method)
          : answer.hasBegun() ? foreign(reason) : brokenOff(reason);
    }

    @Override
    public void close() throws IOException {
      done.countDown();
      channel.close();
    }
  }
}
