package org.netback.daemon;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.WritableByteChannel;
import java.util.Optional;
import org.netback.daemon.control.Outlet;
import org.netback.daemon.control.StreamSource;

/// A client of the control API that is sent a capture as it comes. The capture's thread waits here
/// while the client does not read, so that the capture loses frames and nobody else anything; it
/// ends when the client has gone.
///
/// Guarded by itself.
final class CaptureStream implements StreamSource, WritableByteChannel {
  private final Beginning beginning;
  private Optional<Outlet> outlet = Optional.empty();
  private Optional<AutoCloseable> capture = Optional.empty();
  private boolean over;
  private boolean gone;

  /// Starts a capture that is written here.
  @FunctionalInterface
  interface Beginning {
    AutoCloseable begin(CaptureStream to);
  }

  CaptureStream(Beginning beginning) {
    this.beginning = beginning;
  }

  @Override
  public void onOpen(Outlet opened) {
    synchronized (this) {
      outlet = Optional.of(opened);
    }
    AutoCloseable begun = beginning.begin(this);
    synchronized (this) {
      capture = Optional.of(begun);
    }
  }

  @Override
  public int write(ByteBuffer octets) throws IOException {
    byte[] piece = new byte[Math.min(octets.remaining(), Outlet.MOST_OCTETS)];
    octets.get(piece);
    synchronized (this) {
      try {
        while (!over && !outlet.orElseThrow().write(piece)) {
          wait();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      }
      if (over) {
        throw new ClosedChannelException();
      }
    }
    return piece.length;
  }

  @Override
  public synchronized void onRoom() {
    notifyAll();
  }

  @Override
  public void onClosed() {
    Optional<AutoCloseable> ended;
    synchronized (this) {
      over = true;
      gone = true;
      ended = capture;
      notifyAll();
    }
    ended.ifPresent(CaptureStream::closeQuietly);
  }

  private static void closeQuietly(AutoCloseable capture) {
    try {
      capture.close();
    } catch (Exception e) {
      throw new IllegalStateException(e); // it has nothing to fail with
    }
  }

  @Override
  public synchronized boolean isOpen() {
    return !over;
  }

  /// Whether the client has gone, or was sent away: no fault of the capture's.
  synchronized boolean isGone() {
    return gone;
  }

  /// Has a write that waits for the client fail.
  synchronized void cut() {
    over = true;
    gone = true;
    notifyAll();
    outlet.ifPresent(Outlet::close);
  }

  /// The capture has ended: the client is sent what waits.
  @Override
  public synchronized void close() {
    over = true;
    outlet.ifPresent(Outlet::close);
  }
}
