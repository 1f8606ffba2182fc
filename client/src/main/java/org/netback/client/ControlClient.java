package org.netback.client;

import java.io.EOFException;
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
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/// Asks a daemon over its control socket, one request at a time, and waits for each answer no
/// longer than it was told to. It speaks as much HTTP/1.1 as the daemon does: an answer says how
/// long it is, and is in JSON or in plain text. Any thread; each request has a connection of its
/// own.
public final class ControlClient {
  public static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(5);

  private static final int MAX_HEAD = 16 << 10;

  /// A MAC table of 250,000 rows in JSON.
  private static final int MAX_BODY = 32 << 20;

  private final Path socket;
  private final Duration timeout;

  public ControlClient(Path socket) {
    this(socket, DEFAULT_TIMEOUT);
  }

  /// @param timeout from the beginning of a request to the last octet of its answer
  public ControlClient(Path socket, Duration timeout) {
    this.socket = socket;
    this.timeout = timeout;
  }

  /// What the daemon answered.
  public record Response(int status, String body) {}

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

  /// Asks and waits.
  ///
  /// @param path as [#path] makes it
  /// @param body as JSON, empty for none
  /// @throws ControlException there is no answer, for a reason that the message tells; an answer
  ///   that says no is an answer
  public Response request(String method, String path, String body) throws ControlException {
    byte[] request =
        (method
                + ' '
                + path
                + " HTTP/1.1\r\nHost: netback\r\nConnection: close\r\nContent-Length: "
                + body.getBytes(StandardCharsets.UTF_8).length
                + "\r\n\r\n"
                + body)
            .getBytes(StandardCharsets.UTF_8);
    CountDownLatch done = new CountDownLatch(1);
    Exchange exchange = new Exchange();
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      Thread.ofPlatform().daemon().name("timeout").start(() -> giveUp(channel, done));
      channel.connect(UnixDomainSocketAddress.of(socket));
      exchange.connected = true;
      write(channel, request);
      return exchange.answer(channel);
    } catch (IOException e) {
      throw done.getCount() == 0 ? silent(exchange, method) : failed(exchange, e);
    } finally {
      done.countDown();
    }
  }

  /// Waits in a thread of its own: a blocking channel knows no time, and one that does not block
  /// cannot wait for a daemon whose queue of connections is full.
  private void giveUp(SocketChannel channel, CountDownLatch done) {
    try {
      if (!done.await(timeout.toNanos(), TimeUnit.NANOSECONDS)) {
        done.countDown();
        channel.close();
      }
    } catch (InterruptedException | IOException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void write(SocketChannel channel, byte[] octets) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(octets);
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
  }

  private ControlException silent(Exchange exchange, String method) {
    return new ControlException(
        UserError.TIMEOUT,
        "the daemon on "
            + socket
            + (exchange.octets == 0
                ? " has not answered within "
                : " has not finished its answer within ")
            + timeout.toMillis() / 1000.0
            + " s: it may be stopped, or have too much to do; see its process and its log, or wait"
            + " longer with --timeout SECONDS"
            + (method.equals("GET") ? "" : "; when it goes on it may still do what it was told"));
  }

  private ControlException failed(Exchange exchange, IOException e) {
    if (!exchange.connected) {
      return notConnected(String.valueOf(e.getMessage()));
    }
    if (exchange.octets == 0) {
      return new ControlException(
          UserError.UNAVAILABLE,
          "the daemon on "
              + socket
              + " closed the connection without an answer ("
              + e.getMessage()
              + "): it is ending, or is no netback");
    }
    return foreign(String.valueOf(e.getMessage()));
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

  /// One answer on its way.
  private static final class Exchange {
    private boolean connected;
    private int octets;
    private byte[] received = new byte[MAX_HEAD];

    private Response answer(SocketChannel channel) throws IOException {
      int body = head(channel);
      String head = new String(received, 0, body, StandardCharsets.ISO_8859_1);
      int status = status(head);
      int length = length(head);
      byte[] whole = new byte[body + length];
      System.arraycopy(received, 0, whole, 0, Math.min(octets, whole.length));
      received = whole;
      while (octets < whole.length) {
        if (!read(channel)) {
          throw new EOFException(
              "its answer ends after " + (octets - body) + " of " + length + " octets");
        }
      }
      return new Response(status, new String(whole, body, length, StandardCharsets.UTF_8));
    }

    /// Reads until the head is there.
    ///
    /// @return where the body begins
    private int head(SocketChannel channel) throws IOException {
      while (true) {
        for (int i = 3; i < octets; i++) {
          if (received[i] == '\n' && received[i - 1] == '\r' && received[i - 2] == '\n') {
            return i + 1;
          }
        }
        if (octets == received.length) {
          throw new IOException("its answer begins with no head of HTTP");
        }
        if (!read(channel)) {
          throw new EOFException(
              octets == 0 ? "end of the connection" : "its answer ends within its head");
        }
      }
    }

    private boolean read(SocketChannel channel) throws IOException {
      int count = channel.read(ByteBuffer.wrap(received, octets, received.length - octets));
      octets += Math.max(count, 0);
      return count >= 0;
    }

    private int status(String head) throws IOException {
      if (head.startsWith("HTTP/1.1 ") && head.length() > 12) {
        try {
          return Integer.parseUnsignedInt(head, 9, 12, 10);
        } catch (NumberFormatException e) {
          // Told below.
        }
      }
      throw new IOException("its answer begins with no head of HTTP");
    }

    private int length(String head) throws IOException {
      String field = "\r\ncontent-length:";
      int at = head.toLowerCase(Locale.ROOT).indexOf(field);
      if (at >= 0) {
        try {
          long length =
              Long.parseLong(
                  head.substring(at + field.length(), head.indexOf("\r\n", at + 2)).strip());
          if (length > MAX_BODY) {
            throw new IOException("its answer has " + length + " octets, more than " + MAX_BODY);
          }
          if (length >= 0) {
            return (int) length;
          }
        } catch (NumberFormatException e) {
          // Told below.
        }
      }
      throw new IOException("its answer does not say how long it is");
    }
  }
}
