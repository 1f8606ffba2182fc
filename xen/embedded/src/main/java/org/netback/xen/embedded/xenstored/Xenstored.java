package org.netback.xen.embedded.xenstored;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.netback.loop.Closing;
import org.netback.loop.InternalErrors;
import org.netback.loop.netty.UnixServer;
import org.netback.xen.ground.Domids;

/// The xenstored of a ground without Xen: one store, clients on Unix sockets, all on one event
/// loop.
///
/// A socket acts for a domain. That of domain 0 is privileged, as Xen's own `/run/xenstored/socket`
/// is; a guest gets one of its own, which takes the place of its ring page, so that the store's
/// permissions hold for it. A domain may have several connections; its quotas count them together.
///
/// Methods may be called from any thread and return when the work is done. [#listen] and [#close]
/// wait for the event loop and therefore not on it.
public final class Xenstored implements AutoCloseable {
  private static final Logger LOG = System.getLogger(Xenstored.class.getName());

  private final EventLoop loop;
  private final InternalErrors errors;
  private final Store store = new Store();
  private final ChannelGroup clients;
  private final Map<Path, UnixServer> listeners = new HashMap<>();
  private final Map<Integer, Path> guests = new HashMap<>();

  /// @param loop an epoll loop; the caller keeps it and shuts it down after this is closed
  /// @param errors where what escapes the service of a client is recorded
  public Xenstored(EventLoop loop, InternalErrors errors) {
    this.loop = loop;
    this.errors = errors;
    clients = new DefaultChannelGroup(loop);
  }

  /// Takes clients on a socket, whose file only the daemon's user can open.
  ///
  /// @param socket where to make it; a socket that a dead daemon left there is replaced
  /// @param domid the domain that the clients act as, 0 for privileged ones
  /// @throws IOException if another daemon listens there, or the socket cannot be made
  public void listen(Path socket, int domid) throws IOException {
    if (!Domids.isDomain(domid)) {
      throw new IllegalArgumentException("no domain number: " + domid);
    }
    if (loop.inEventLoop()) {
      throw new IllegalStateException("listen would wait for the event loop that it is called on");
    }
    Path path = socket.toAbsolutePath().normalize();
    Account account = call(() -> store.getToKnow(domid));
    ServerBootstrap bootstrap =
        new ServerBootstrap()
            .group(loop)
            .childOption(ChannelOption.AUTO_READ, false)
            .childOption(
                ChannelOption.RECVBUF_ALLOCATOR,
                new FixedRecvByteBufAllocator(Connection.READ_SIZE).maxMessagesPerRead(1))
            .childOption(
                ChannelOption.WRITE_BUFFER_WATER_MARK, new WriteBufferWaterMark(16384, 65536))
            .childHandler(
                new ChannelInitializer<EpollDomainSocketChannel>() {
                  @Override
                  protected void initChannel(EpollDomainSocketChannel client) {
                    clients.add(client);
                    client.pipeline().addLast(new Connection(store, account, errors));
                  }
                });
    UnixServer server = UnixServer.listen(path, bootstrap);
    call(
        () -> {
          listeners.put(path, server);
          if (domid != Account.CONTROL) {
            guests.put(domid, path);
          }
          return path;
        });
  }

  /// Makes a domain known to all: `@introduceDomain`. No effect if it is introduced already.
  public void introduce(int domid) {
    requireGuest(domid);
    call(() -> store.introduce(domid));
  }

  public boolean isIntroduced(int domid) {
    return call(() -> store.account(domid).filter(Account::introduced).isPresent());
  }

  /// A domain crashed or shut down and still exists: `@releaseDomain`, once.
  public void shutDown(int domid) {
    requireGuest(domid);
    call(
        () -> {
          store.shutDown(domid);
          return domid;
        });
  }

  /// A domain is gone: its connections and its socket are closed, its watches and transactions
  /// dropped, its nodes and its entries in permissions removed; then `@releaseDomain`. No effect if
  /// it is not known.
  public void release(int domid) {
    requireGuest(domid);
    call(
        () -> {
          Path socket = guests.remove(domid);
          if (socket != null) {
            stopListening(socket);
          }
          store.release(domid);
          return domid;
        });
  }

  private static void requireGuest(int domid) {
    if (domid == 0 || !Domids.isDomain(domid)) {
      throw new IllegalArgumentException("no guest's domain number: " + domid);
    }
  }

  private void stopListening(Path socket) {
    UnixServer listener = listeners.remove(socket);
    if (listener != null) {
      try {
        listener.close();
      } catch (IOException e) {
        LOG.log(Level.WARNING, "the name of a store socket stays", e);
      }
    }
  }

  private <T> T call(Callable<T> work) {
    try {
      return loop.inEventLoop() ? work.call() : loop.submit(work).sync().getNow();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while waiting for the store", e);
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  /// Stops listening, removes the socket files and ends all connections. The store is lost.
  @Override
  public void close() {
    Closing.all(
        () ->
            call(
                () -> {
                  Closing.each(List.copyOf(listeners.keySet()), this::stopListening);
                  guests.clear();
                  return loop;
                }),
        () -> clients.close().awaitUninterruptibly());
  }
}
