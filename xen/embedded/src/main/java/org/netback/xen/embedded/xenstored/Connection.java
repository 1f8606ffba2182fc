package org.netback.xen.embedded.xenstored;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import org.netback.loop.InternalErrors;

/// One client's socket. It bounds what a client can make the store keep:
/// - Requests are taken only while the socket takes the replies. One that sends and does not read
///   is itself not read, with at most one read of requests waiting.
/// - Watch events wait in a queue while the socket is full. One that waits already is not queued
///   again, since it says no more than "look". Beyond a bound, a guest loses events, as it would
///   with Xen's own daemon; the control domain's client is cut off, since it relies on them.
///
/// A message longer than the protocol allows ends the connection, as the header says.
final class Connection extends ChannelInboundHandlerAdapter {
  /// Octets of one read, and so of the requests handled before other clients get their turn.
  static final int READ_SIZE = 16384;

  static final int GUEST_EVENTS_MAX = 1 << 20;
  static final int CONTROL_EVENTS_MAX = 1 << 26;

  /// Connections of one guest at a time.
  static final int GUEST_CONNECTIONS_MAX = 32;

  private final Store store;
  private final Account account;
  private final InternalErrors errors;
  private final Deque<String> waiting = new ArrayDeque<>();
  private final Set<String> waitingOnce = new HashSet<>();
  private Optional<Session> session = Optional.empty();
  private ByteBuf received = Unpooled.EMPTY_BUFFER;
  private int waitingOctets;
  private boolean handling;
  private boolean flushing;

  Connection(Store store, Account account, InternalErrors errors) {
    this.store = store;
    this.account = account;
    this.errors = errors;
  }

  @Override
  public void channelActive(ChannelHandlerContext ctx) {
    boolean dead = store.account(account.domid()).filter(known -> known == account).isEmpty();
    if (dead || !account.privileged() && store.sessions(account).size() >= GUEST_CONNECTIONS_MAX) {
      var _ = ctx.close();
      return;
    }
    Session opened = new Session(store, account, event -> tell(ctx, event), () -> hangUp(ctx));
    session = Optional.of(opened);
    opened.open();
    ctx.read();
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object read) {
    ByteBuf octets = (ByteBuf) read;
    if (received.isReadable()) {
      received = Unpooled.wrappedBuffer(received, octets);
    } else {
      received.release();
      received = octets;
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext ctx) {
    handleReceived(ctx);
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext ctx) {
    if (ctx.channel().isWritable()) {
      sendWaiting(ctx);
      if (waiting.isEmpty() && !handling) {
        // Not from within a flush of our own.
        ctx.executor().execute(() -> handleReceived(ctx));
      }
    }
  }

  private void handleReceived(ChannelHandlerContext ctx) {
    if (handling || session.isEmpty()) {
      return;
    }
    handling = true;
    boolean more = true;
    while (more && ctx.channel().isWritable() && waiting.isEmpty() && session.isPresent()) {
      more = handleOne(ctx, session.get());
    }
    handling = false;
    ctx.flush();
    if (session.isPresent()) {
      if (!more) {
        keepRest(ctx);
        ctx.read();
      } else if (ctx.channel().isWritable() && waiting.isEmpty()) {
        ctx.executor().execute(() -> handleReceived(ctx));
      }
    }
  }

  /// Handles one request; false if none is there whole.
  private boolean handleOne(ChannelHandlerContext ctx, Session client) {
    if (received.readableBytes() < MessageHeader.SIZE) {
      return false;
    }
    int start = received.readerIndex();
    int type = received.getIntLE(start);
    int transaction = received.getIntLE(start + 8);
    int length = received.getIntLE(start + 12);
    if (length < 0 || length > MessageHeader.PAYLOAD_MAX) {
      hangUp(ctx);
      return false;
    }
    if (received.readableBytes() < MessageHeader.SIZE + length) {
      return false;
    }
    int request = received.getIntLE(start + 4);
    byte[] payload = new byte[length];
    received.skipBytes(MessageHeader.SIZE).readBytes(payload);
    Optional<Operation> operation = Operation.of(type);
    Answer answer =
        operation.isPresent()
            ? client.handle(operation.get(), transaction, payload)
            : StoreError.ENOSYS;
    switch (answer) {
      case Reply reply -> send(ctx, type, request, transaction, reply.payload());
      case StoreError error ->
          send(
              ctx,
              MessageHeader.ERROR,
              request,
              transaction,
              (error.name() + '\0').getBytes(ISO_8859_1));
    }
    operation.ifPresent(of -> client.after(of, answer));
    return true;
  }

  /// Keeps an incomplete message apart from the large buffer that it came in.
  private void keepRest(ChannelHandlerContext ctx) {
    ByteBuf all = received;
    received =
        all.isReadable()
            ? ctx.alloc().buffer(all.readableBytes()).writeBytes(all)
            : Unpooled.EMPTY_BUFFER;
    all.release();
  }

  private static void send(
      ChannelHandlerContext ctx, int type, int request, int transaction, byte[] payload) {
    ByteBuf message = ctx.alloc().buffer(MessageHeader.SIZE + payload.length);
    message
        .writeIntLE(type)
        .writeIntLE(request)
        .writeIntLE(transaction)
        .writeIntLE(payload.length)
        .writeBytes(payload);
    var _ = ctx.write(message, ctx.voidPromise());
  }

  /// Called while another client is served, who must not suffer for this one.
  private void tell(ChannelHandlerContext ctx, String event) {
    try {
      deliver(ctx, event);
    } catch (Throwable e) {
      exceptionCaught(ctx, e);
    }
  }

  private void deliver(ChannelHandlerContext ctx, String event) {
    if (waiting.isEmpty() && ctx.channel().isWritable()) {
      sendEvent(ctx, event);
      flushSoon(ctx);
    } else if (waitingOnce.add(event)) {
      if (waitingOctets + event.length() <= GUEST_EVENTS_MAX
          || account.privileged() && waitingOctets <= CONTROL_EVENTS_MAX) {
        waiting.add(event);
        waitingOctets += event.length();
      } else {
        waitingOnce.remove(event);
        if (account.privileged()) {
          hangUp(ctx);
        }
      }
    }
  }

  private static void sendEvent(ChannelHandlerContext ctx, String event) {
    send(ctx, MessageHeader.WATCH_EVENT, 0, 0, event.getBytes(ISO_8859_1));
  }

  private void sendWaiting(ChannelHandlerContext ctx) {
    while (!waiting.isEmpty() && ctx.channel().isWritable()) {
      String event = waiting.remove();
      waitingOnce.remove(event);
      waitingOctets -= event.length();
      sendEvent(ctx, event);
      flushSoon(ctx);
    }
  }

  /// Sends what one request or one commit caused together.
  private void flushSoon(ChannelHandlerContext ctx) {
    if (!flushing && !handling) {
      flushing = true;
      ctx.executor()
          .execute(
              () -> {
                flushing = false;
                ctx.flush();
              });
    }
  }

  /// Ends the connection after what is written already.
  private void hangUp(ChannelHandlerContext ctx) {
    end();
    ctx.flush();
    var _ = ctx.close();
  }

  private void end() {
    session.ifPresent(Session::close);
    session = Optional.empty();
    waiting.clear();
    waitingOnce.clear();
    waitingOctets = 0;
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    end();
    received.release();
    received = Unpooled.EMPTY_BUFFER;
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    if (!(cause instanceof IOException)) {
      // Not by a client's going away, so by a bug of the store's.
      errors.record("xenstored, client of domain " + account.domid(), cause);
    }
    var _ = ctx.close();
  }
}
