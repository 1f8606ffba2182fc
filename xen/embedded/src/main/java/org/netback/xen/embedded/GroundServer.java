package org.netback.xen.embedded;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadFactory;
import org.netback.loop.Closing;
import org.netback.loop.netty.SocketFile;
import org.netback.xen.embedded.wire.SeqpacketSocket;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Takes the processes that attach at `ground.sock`, each on a thread of its own: they are few, and
/// a thread that blocks is the simplest way to let one wait for the store without the others.
final class GroundServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(GroundServer.class);
  private static final int BACKLOG = 64;
  private static final int MAX_SESSIONS = 512;

  private final EmbeddedGround ground;
  private final Hypervisor hypervisor;
  private final SocketFile name;
  private final SeqpacketSocket listener;
  private final ThreadFactory threads;
  private final Set<SeqpacketSocket> sessions = new HashSet<>();
  private boolean closed;

  private GroundServer(
      EmbeddedGround ground,
      Hypervisor hypervisor,
      SocketFile name,
      SeqpacketSocket listener,
      ThreadFactory threads) {
    this.ground = ground;
    this.hypervisor = hypervisor;
    this.name = name;
    this.listener = listener;
    this.threads = threads;
  }

  static GroundServer start(EmbeddedGround ground, Hypervisor hypervisor, Path path)
      throws IOException {
    return start(
        ground,
        hypervisor,
        path,
        Thread.ofPlatform()
            .name("ground-session")
            .daemon()
            .uncaughtExceptionHandler(ground.errors()::uncaught)
            .factory());
  }

  /// @param threads the sessions'
  static GroundServer start(
      EmbeddedGround ground, Hypervisor hypervisor, Path path, ThreadFactory threads)
      throws IOException {
    SeqpacketSocket listener = SeqpacketSocket.open();
    SocketFile name;
    try {
      name =
          SocketFile.make(
              path,
              new SocketFile.Binding() {
                @Override
                public void bind(Path to) throws IOException {
                  listener.bind(to);
                }

                @Override
                public void listen() throws IOException {
                  listener.listen(BACKLOG);
                }
              });
    } catch (IOException e) {
      listener.close();
      throw e;
    }
    GroundServer server = new GroundServer(ground, hypervisor, name, listener, threads);
    Thread.ofPlatform()
        .name("ground-accept")
        .daemon()
        .uncaughtExceptionHandler(ground.errors()::uncaught)
        .start(server::accept);
    return server;
  }

  private void accept() {
    while (true) {
      try {
        Optional<SeqpacketSocket> client = listener.accept();
        if (client.isEmpty()) {
          return;
        }
        serve(client.get());
      } catch (IOException e) {
        LOG.warn("a process could not attach to the ground", e);
        pause();
      } catch (RuntimeException | Error e) {
        // Whoever comes next can still be served.
        ground.errors().record("ground", e);
        pause();
      }
    }
  }

  /// Without descriptors to accept with, the client stays in the queue, and accept would spin.
  private static void pause() {
    try {
      Thread.sleep(100);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void serve(SeqpacketSocket client) {
    synchronized (this) {
      if (closed || sessions.size() >= MAX_SESSIONS) {
        client.close();
        return;
      }
      sessions.add(client);
    }
    try {
      threads
          .newThread(
              () -> {
                try {
                  new GroundSession(ground, hypervisor, client).run();
                } finally {
                  end(client);
                }
              })
          .start();
    } catch (Throwable e) {
      // There may be no memory for another thread.
      end(client);
      throw e;
    }
  }

  private void end(SeqpacketSocket client) {
    client.close();
    synchronized (this) {
      sessions.remove(client);
    }
  }

  @Override
  public void close() throws IOException {
    Set<SeqpacketSocket> left;
    synchronized (this) {
      closed = true;
      left = Set.copyOf(sessions);
    }
    Closing.all(name::close, listener::close, () -> Closing.each(left, SeqpacketSocket::close));
  }
}
