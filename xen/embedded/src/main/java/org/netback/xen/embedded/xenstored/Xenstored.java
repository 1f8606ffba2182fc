package org.netback.xen.embedded.xenstored;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.unix.DomainSocketAddress;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Callable;

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
  /// The longest path that fits `struct sockaddr_un`.
  private static final int SOCKET_PATH_MAX = 107;

  private record Listener(Path socket, Channel channel) {}

  private final EventLoop loop;
  private final Store store = new Store();
  private final ChannelGroup clients;
  private final Map<Path, Listener> listeners = new HashMap<>();
  private final Map<Integer, Path> guests = new HashMap<>();

  /// @param loop an epoll loop; the caller keeps it and shuts it down after this is closed
  public Xenstored(EventLoop loop) {
    this.loop = loop;
    clients = new DefaultChannelGroup(loop);
  }

  /// Takes clients on a socket, whose file only the daemon's user can open.
  ///
  /// @param socket where to make it; what a dead daemon left there is replaced
  /// @param domid the domain that the clients act as, 0 for privileged ones
  /// @throws IOException if another daemon listens there, or the socket cannot be made
  public void listen(Path socket, int domid) throws IOException {
    if (domid < 0 || domid >= Permission.FIRST_RESERVED) {
      throw new IllegalArgumentException("no domain number: " + domid);
    }
    if (loop.inEventLoop()) {
      throw new IllegalStateException("listen would wait for the event loop that it is called on");
    }
    Path path = socket.toAbsolutePath().normalize();
    // Made under another name and then moved into place, so that nobody can connect before the
    // file's mode is set, and a dead daemon's file is replaced in one step.
    Path made = path.resolveSibling("." + ProcessHandle.current().pid() + "-" + domid);
    int length = made.toString().getBytes(StandardCharsets.UTF_8).length;
    if (Math.max(length, path.toString().getBytes(StandardCharsets.UTF_8).length)
        > SOCKET_PATH_MAX) {
      throw new IOException(
          "socket path too long, %d octets are possible: %s".formatted(SOCKET_PATH_MAX, path));
    }
    refuseIfInUse(path);
    Domain domain = call(() -> store.getToKnow(domid));
    ChannelFuture bound =
        new ServerBootstrap()
            .group(loop)
            .channel(EpollServerDomainSocketChannel.class)
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
                    client.pipeline().addLast(new Connection(store, domain));
                  }
                })
            .bind(new DomainSocketAddress(made.toFile()))
            .awaitUninterruptibly();
    if (!bound.isSuccess()) {
      throw new IOException("cannot listen on " + path + ": " + bound.cause(), bound.cause());
    }
    try {
      Files.setPosixFilePermissions(made, PosixFilePermissions.fromString("rw-------"));
      Files.move(made, path, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      bound.channel().close().awaitUninterruptibly();
      Files.deleteIfExists(made);
      throw e;
    }
    call(
        () -> {
          listeners.put(path, new Listener(path, bound.channel()));
          if (domid != Domain.CONTROL) {
            guests.put(domid, path);
          }
          return path;
        });
  }

  private static void refuseIfInUse(Path path) throws IOException {
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    if (!Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
        .isOther()) {
      throw new IOException(
          path + " is in the way and no socket; remove it or choose another path");
    }
    try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      probe.connect(UnixDomainSocketAddress.of(path));
    } catch (IOException e) {
      return; // nobody listens: a dead daemon's
    }
    throw new IOException(
        path + ": another xenstored listens there; stop it or choose another path");
  }

  /// Makes a domain known to all: `@introduceDomain`. No effect if it is introduced already.
  public void introduce(int domid) {
    requireGuest(domid);
    call(() -> store.introduce(domid));
  }

  public boolean isIntroduced(int domid) {
    return call(() -> store.domain(domid).filter(Domain::introduced).isPresent());
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
    if (domid <= 0 || domid >= Permission.FIRST_RESERVED) {
      throw new IllegalArgumentException("no guest's domain number: " + domid);
    }
  }

  private void stopListening(Path socket) {
    Listener listener = listeners.remove(socket);
    if (listener != null) {
      var _ = listener.channel().close();
      // Netty removes the name that it bound, not the one that the file has now.
      var _ = socket.toFile().delete();
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
    call(
        () -> {
          for (Path socket : Map.copyOf(listeners).keySet()) {
            stopListening(socket);
          }
          guests.clear();
          return loop;
        });
    clients.close().awaitUninterruptibly();
  }
}
