package org.netback.client;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/// A connection to the daemon that carries raw octets both ways. One thread may read while another
/// writes.
public final class ControlConnection implements AutoCloseable {
  private final SocketChannel channel;
  private final Answer answer;

  ControlConnection(SocketChannel channel, Answer answer) {
    this.channel = channel;
    this.answer = answer;
  }

  /// Waits for octets of the daemon's.
  ///
  /// @return how many were read, at least one; -1 when the daemon sends no more
  public int read(byte[] into) throws IOException {
    return answer.readRaw(into);
  }

  /// Writes all of these, for which it may wait.
  public void write(byte[] octets, int offset, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(octets, offset, length);
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
  }

  /// Sends no more; what the daemon sends may still be read.
  public void endOutput() throws IOException {
    channel.shutdownOutput();
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
