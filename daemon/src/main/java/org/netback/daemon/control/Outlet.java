package org.netback.daemon.control;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.LastHttpContent;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/// What one client is sent as it comes. Any thread; nothing waits. What is written by several
/// threads may change its order: whoever hears of room ([StreamSource#onRoom], on the loop) and of
/// data elsewhere writes on the loop alone ([#onLoop]).
///
/// A client that does not read costs at most [#HIGH_WATER] octets and one write, since nothing is
/// taken beyond that: whoever writes drops it and counts, or keeps it within a bound of its own.
public final class Outlet {
  /// The longest that is written at once, in octets.
  public static final int MOST_OCTETS = 64 << 10;

  /// Octets that wait for the client before [#write] takes no more.
  static final int HIGH_WATER = 64 << 10;

  /// How long a client may take to read the rest after the end.
  private static final long LAST_READ_SECONDS = 30;

  private final Channel channel;
  private final Framing framing;
  private final Runnable resume;
  private final AtomicBoolean ended = new AtomicBoolean();
  private volatile boolean paused;

  /// What surrounds the octets on the wire.
  enum Framing {
    /// Pieces of an answer in HTTP.
    HTTP,
    NONE
  }

  /// @param resume on the loop: there may be octets that were held back
  Outlet(Channel channel, Framing framing, Runnable resume) {
    this.channel = channel;
    this.framing = framing;
    this.resume = resume;
  }

  /// Writes octets, which must not change any more, or takes none of them.
  ///
  /// @return false if there is no room, of which [StreamSource#onRoom] tells the end; also after
  ///   the end, and when the client has gone
  public boolean write(byte[] octets) {
    if (octets.length > MOST_OCTETS) {
      throw new IllegalArgumentException(octets.length + " octets at once");
    }
    if (ended.get() || !channel.isWritable()) {
      return false;
    }
    if (octets.length > 0) {
      var _ =
          channel.writeAndFlush(framed(octets)).addListener(ChannelFutureListener.CLOSE_ON_FAILURE);
    }
    return true;
  }

  private Object framed(byte[] octets) {
    ByteBuf buffer = Unpooled.wrappedBuffer(octets);
    return switch (framing) {
      case HTTP -> new DefaultHttpContent(buffer);
      case NONE -> buffer;
    };
  }

  /// Sends no more. A [Duplex] goes on to receive, and has gone when the client sends no more
  /// either; any other stream has gone with this. Idempotent.
  public void end() {
    if (framing == Framing.HTTP) {
      close();
    } else if (ended.compareAndSet(false, true)) {
      onLoop(
          () -> {
            var _ = channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(_ -> shutdownOutput());
          });
    }
  }

  private void shutdownOutput() {
    DuplexChannel both = (DuplexChannel) channel;
    var _ = both.isInputShutdown() ? both.close() : both.shutdownOutput();
  }

  /// Ends the connection when everything has been written. Idempotent.
  public void close() {
    closeAfter(List.of());
  }

  /// Writes the last octets, which must not change any more, whether there is room for them or not,
  /// and ends the connection as [#close()] does. After the end they are not written.
  public void closeAfter(List<byte[]> last) {
    boolean first = ended.compareAndSet(false, true);
    onLoop(
        () -> {
          if (first) {
            for (byte[] octets : last) {
              var _ = channel.write(framed(octets));
            }
          }
          Object end =
              first && framing == Framing.HTTP
                  ? LastHttpContent.EMPTY_LAST_CONTENT
                  : Unpooled.EMPTY_BUFFER;
          var _ = channel.writeAndFlush(end).addListener(ChannelFutureListener.CLOSE);
          if (channel.isActive()) {
            var _ = channel.eventLoop().schedule(this::cut, LAST_READ_SECONDS, TimeUnit.SECONDS);
          }
        });
  }

  private void cut() {
    var _ = channel.close();
  }

  /// Has the client wait with what it sends.
  public void pause() {
    paused = true;
  }

  /// Lets it go on.
  public void resume() {
    paused = false;
    onLoop(resume);
  }

  /// Has something done on the control API's loop, where the stream's callbacks are: at once, if it
  /// is called there.
  public void onLoop(Runnable work) {
    EventLoop loop = channel.eventLoop();
    if (loop.inEventLoop()) {
      work.run();
      return;
    }
    try {
      loop.execute(work);
    } catch (RejectedExecutionException e) {
      return; // the server has closed, and this connection with it
    }
  }

  boolean isPaused() {
    return paused;
  }
}
