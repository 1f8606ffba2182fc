package org.netback.client;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;

/// One answer on its way, read as it comes. What is thrown as [BrokenException] lies at the daemon
/// or the way to it.
final class Answer {
  private static final int MAX_HEAD = 16 << 10;
  private static final int CHUNKED = -1;

  private final SocketChannel channel;
  private final byte[] buffer = new byte[MAX_HEAD];
  private int at;
  private int end;
  private boolean begun;
  private String head = "";

  /// The answer broke off, or is none.
  static final class BrokenException extends IOException {
    private static final long serialVersionUID = 1;

    BrokenException(String message, IOException cause) {
      super(message, cause);
    }

    BrokenException(String message) {
      super(message);
    }
  }

  Answer(SocketChannel channel) {
    this.channel = channel;
  }

  /// Whether anything has come.
  boolean hasBegun() {
    return begun;
  }

  /// Reads until the head is there.
  ///
  /// @return the status
  int readHead() throws BrokenException {
    int seen = 3;
    while (true) {
      for (int i = seen; i < end; i++) {
        if (buffer[i] == '\n' && buffer[i - 1] == '\r' && buffer[i - 2] == '\n') {
          at = i + 1;
          head = new String(buffer, 0, at, StandardCharsets.ISO_8859_1);
          return status();
        }
      }
      seen = Math.max(3, end);
      if (end == buffer.length) {
        throw new BrokenException("its answer begins with no head of HTTP");
      }
      if (!read()) {
        throw new BrokenException(
            end == 0 ? "end of the connection" : "its answer ends within its head");
      }
    }
  }

  private int status() throws BrokenException {
    if (head.startsWith("HTTP/1.1 ") && head.length() > 12) {
      try {
        return Integer.parseUnsignedInt(head, 9, 12, 10);
      } catch (NumberFormatException e) {
        // Told below.
      }
    }
    throw new BrokenException("its answer begins with no head of HTTP");
  }

  /// Appends what comes to what is in the buffer.
  ///
  /// @return false at the end of the connection
  private boolean read() throws BrokenException {
    try {
      int count = channel.read(ByteBuffer.wrap(buffer, end, buffer.length - end));
      end += Math.max(count, 0);
      begun |= count > 0;
      return count >= 0;
    } catch (IOException e) {
      throw new BrokenException(String.valueOf(e.getMessage()), e);
    }
  }

  /// Has at least one octet in the buffer.
  private boolean fill() throws BrokenException {
    if (at == end) {
      at = 0;
      end = 0;
      return read();
    }
    return true;
  }

  /// The whole body.
  ///
  /// @param most octets
  /// @param advice for who asks for more
  String readWhole(int most, String advice) throws IOException {
    Collected collected = new Collected(most, advice);
    long length = length();
    if (length > most) {
      throw new BrokenException("its answer has " + length + " octets, more than " + most + advice);
    }
    if (length >= 0) {
      collected.octets = new byte[(int) length];
    }
    pour(length, collected);
    return new String(collected.octets, 0, collected.count, StandardCharsets.UTF_8);
  }

  private static final class Collected implements ControlClient.Sink {
    private final int most;
    private final String advice;
    private byte[] octets = new byte[0];
    private int count;

    Collected(int most, String advice) {
      this.most = most;
      this.advice = advice;
    }

    @Override
    public void take(byte[] from, int offset, int length) throws IOException {
      if (length > most - count) {
        throw new BrokenException("its answer has more than " + most + " octets" + advice);
      }
      if (count + length > octets.length) {
        octets = Arrays.copyOf(octets, Math.max(count + length, Math.min(most, 2 * count)));
      }
      System.arraycopy(from, offset, octets, count, length);
      count += length;
    }
  }

  /// Hands the body on as it comes.
  ///
  /// @throws IOException the sink's own, too
  void pour(ControlClient.Sink sink) throws IOException {
    pour(length(), sink);
  }

  private void pour(long length, ControlClient.Sink sink) throws IOException {
    if (length == CHUNKED) {
      pourChunks(sink);
    } else {
      long came = pourOctets(length, sink);
      if (came < length) {
        throw new BrokenException("its answer ends after " + came + " of " + length + " octets");
      }
    }
  }

  /// @return how many came
  private long pourOctets(long length, ControlClient.Sink sink) throws IOException {
    long left = length;
    while (left > 0 && fill()) {
      int count = (int) Math.min(left, end - at);
      sink.take(buffer, at, count);
      at += count;
      left -= count;
    }
    return length - left;
  }

  /// RFC 9112 section 7.1; without trailers, of which the daemon sends none.
  private void pourChunks(ControlClient.Sink sink) throws IOException {
    while (true) {
      long length = chunkLength(line());
      if (pourOctets(length, sink) < length) {
        throw new BrokenException("its answer breaks off");
      }
      if (!line().isEmpty()) {
        throw new BrokenException("a piece of its answer is longer than it says");
      }
      if (length == 0) {
        return;
      }
    }
  }

  private static long chunkLength(String line) throws BrokenException {
    try {
      return Integer.parseUnsignedInt(line, 16) & 0x7fffffff;
    } catch (NumberFormatException e) {
      throw new BrokenException("a piece of its answer does not say how long it is");
    }
  }

  private String line() throws BrokenException {
    StringBuilder line = new StringBuilder();
    while (line.length() < 100) {
      if (!fill()) {
        throw new BrokenException("its answer breaks off");
      }
      char c = (char) (buffer[at++] & 0xff);
      if (c == '\n') {
        int last = line.length() - 1;
        return last >= 0 && line.charAt(last) == '\r' ? line.substring(0, last) : line.toString();
      }
      line.append(c);
    }
    throw new BrokenException("a piece of its answer does not say how long it is");
  }

  private long length() throws BrokenException {
    String fields = head.toLowerCase(Locale.ROOT);
    if (field(fields, "transfer-encoding").equals("chunked")) {
      return CHUNKED;
    }
    try {
      long length = Long.parseLong(field(fields, "content-length"));
      if (length >= 0) {
        return length;
      }
    } catch (NumberFormatException e) {
      // Told below.
    }
    throw new BrokenException("its answer does not say how long it is");
  }

  private static String field(String fields, String name) {
    String start = "\r\n" + name + ':';
    int found = fields.indexOf(start);
    return found < 0
        ? ""
        : fields.substring(found + start.length(), fields.indexOf("\r\n", found + 2)).strip();
  }

  /// Reads octets that follow the head of an upgraded connection.
  ///
  /// @return how many, at least one; -1 at the end
  int readRaw(byte[] into) throws BrokenException {
    if (!fill()) {
      return -1;
    }
    int count = Math.min(into.length, end - at);
    System.arraycopy(buffer, at, into, 0, count);
    at += count;
    return count;
  }
}
