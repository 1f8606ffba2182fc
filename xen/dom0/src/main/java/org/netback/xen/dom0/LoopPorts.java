package org.netback.xen.dom0;

import io.netty.channel.unix.FileDescriptor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.netback.loop.Closing;
import org.netback.loop.libc.Errno;
import org.netback.loop.netty.FdWatch;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.event.EventHandler;

/// The event channels of one loop, which share a descriptor of `/dev/xen/evtchn`.
///
/// A port that has been read is masked until it is written back, which is done after its handler's
/// work: what a peer notifies meanwhile is one event afterwards. One whose peer notifies without
/// work is written back late (the kernel would not slow it down: to it every write is an event that
/// was of use).
///
/// Without its descriptor the loop would be deaf, and its guests would wait for ever. So when the
/// descriptor can be neither read nor written, or anything else has ended its watch, this tells its
/// maker: the ground is lost.
final class LoopPorts implements AutoCloseable {
  /// Ports per read; what is left wakes the loop again.
  private static final int PORTS_PER_READ = 64;

  private final NettyLoop loop;
  private final DeviceFile evtchn;
  private final Consumer<String> lost;
  private final FileDescriptor descriptor;
  private final MemorySegment read = Arena.ofAuto().allocate(4L * PORTS_PER_READ, 4);

  /// The loop's, apart from the ports of a read.
  private final MemorySegment late = Arena.ofAuto().allocate(4, 4);

  /// Held over a port's binding and its entry into the table: what the loop reads, it finds there.
  private final ReentrantLock lock = new ReentrantLock();

  private @Nullable Dom0Channel[] channels = new Dom0Channel[64];
  private @Nullable FdWatch watch;

  private LoopPorts(NettyLoop loop, DeviceFile evtchn, Consumer<String> lost) {
    this.loop = loop;
    this.evtchn = evtchn;
    this.lost = lost;
    this.descriptor = new FileDescriptor(evtchn.fd());
  }

  /// @param evtchn closed with this, and when this throws
  /// @param lost told the reason, on the loop, when its guests are not heard any more
  static LoopPorts open(NettyLoop loop, DeviceFile evtchn, Consumer<String> lost)
      throws IOException {
    LoopPorts ports = new LoopPorts(loop, evtchn, lost);
    try {
      ports.watch = FdWatch.open(loop, evtchn.fd(), () -> ports.orLost(ports::onReadable));
      return ports;
    } catch (Throwable e) {
      evtchn.close();
      throw e;
    }
  }

  Dom0Channel bind(int remoteDomid, int remotePort, EventHandler handler) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment argument = arena.allocate(Evtchn.INTERDOMAIN_SIZE, 4);
      argument.set(ValueLayout.JAVA_INT, Evtchn.REMOTE_DOMAIN, remoteDomid);
      argument.set(ValueLayout.JAVA_INT, Evtchn.REMOTE_PORT, remotePort);
      lock.lock();
      try {
        return enter(evtchn.ioctl(Evtchn.BIND_INTERDOMAIN, argument), handler);
      } catch (RefusedException e) {
        throw new IOException(
            "bind to port "
                + Integer.toUnsignedString(remotePort)
                + " of domain "
                + remoteDomid
                + ": "
                + e.meaning(
                    "there is no such port, or it is not offered to this domain, or it is taken"));
      } finally {
        lock.unlock();
      }
    }
  }

  Dom0Channel allocate(int remoteDomid, EventHandler handler) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment argument = arena.allocate(Evtchn.PORT_SIZE, 4);
      argument.set(ValueLayout.JAVA_INT, 0, remoteDomid);
      lock.lock();
      try {
        return enter(evtchn.ioctl(Evtchn.BIND_UNBOUND_PORT, argument), handler);
      } catch (RefusedException e) {
        throw new IOException(
            "offer of a port to domain " + remoteDomid + ": " + e.meaning("refused"));
      } finally {
        lock.unlock();
      }
    }
  }

  private Dom0Channel enter(int port, EventHandler handler) throws RefusedException {
    if (port < 0) {
      throw new RefusedException(-port);
    }
    Dom0Channel channel = new Dom0Channel(this, port, handler);
    if (port >= channels.length) {
      channels = Arrays.copyOf(channels, Math.max(port + 1, 2 * channels.length));
    }
    channels[port] = channel;
    return channel;
  }

  void unbind(Dom0Channel channel) {
    lock.lock();
    try {
      channels[channel.port()] = null;
      int result = evtchn.ioctl(Evtchn.UNBIND, channel.argument());
      if (result < 0) {
        throw new IllegalStateException(
            "IOCTL_EVTCHN_UNBIND of port " + channel.port() + ": " + Errno.name(-result));
      }
    } finally {
      lock.unlock();
    }
  }

  void notifyPeer(Dom0Channel channel) {
    // Refused only if the port is not bound any more, which another thread may just have done.
    int _ = evtchn.ioctl(Evtchn.NOTIFY, channel.argument());
  }

  /// What the work throws, the loop records.
  private void orLost(Runnable work) {
    try {
      work.run();
    } catch (Throwable e) {
      String reason = e instanceof IllegalStateException ? e.getMessage() : "internal error: " + e;
      lost.accept("event channels of " + loop + ": " + reason);
      throw e;
    }
  }

  private void onReadable() {
    int octets;
    try {
      octets = descriptor.readAddress(read.address(), 0, (int) read.byteSize());
    } catch (IOException e) {
      throw new IllegalStateException("read of " + evtchn + ": " + e.getMessage(), e);
    }
    if (octets < 0) {
      throw new IllegalStateException("read of " + evtchn + ": end of file");
    }
    int unmasked = 0;
    for (int at = 0; at < octets; at += Evtchn.PORT_SIZE) {
      int port = read.get(ValueLayout.JAVA_INT, at);
      Dom0Channel channel = find(port);
      if (channel == null) {
        continue; // unbound since
      }
      long delay = dispatch(channel);
      if (delay > 0) {
        loop.schedule(delay, () -> orLost(() -> unmaskLate(channel)));
      } else {
        read.set(ValueLayout.JAVA_INT, unmasked, port);
        unmasked += Evtchn.PORT_SIZE;
      }
    }
    if (unmasked > 0) {
      unmask(read, unmasked);
    }
  }

  /// One handler's bug must not take the others' events along.
  private long dispatch(Dom0Channel channel) {
    try {
      return channel.dispatch();
    } catch (Throwable e) {
      loop.errors().record(loop + ", event channel port " + channel.port(), e);
      return channel.withoutWork();
    }
  }

  private @Nullable Dom0Channel find(int port) {
    lock.lock();
    try {
      return port >= 0 && port < channels.length ? channels[port] : null;
    } finally {
      lock.unlock();
    }
  }

  private void unmaskLate(Dom0Channel channel) {
    if (find(channel.port()) == channel) {
      late.set(ValueLayout.JAVA_INT, 0, channel.port());
      unmask(late, Evtchn.PORT_SIZE);
    }
  }

  /// The kernel passes over ports that are unbound by now.
  private void unmask(MemorySegment ports, int octets) {
    try {
      int _ = descriptor.writeAddress(ports.address(), 0, octets);
    } catch (IOException e) {
      throw new IllegalStateException(
          "write of " + octets / 4 + " ports to " + evtchn + ": " + e.getMessage(), e);
    }
  }

  /// Unbinds whatever is still bound. No thread may be about to notify.
  @Override
  public void close() {
    Closing.all(
        () -> {
          if (watch != null) {
            watch.close();
          }
        },
        evtchn::close);
  }

  private static final class RefusedException extends Exception {
    private static final long serialVersionUID = 1;
    private final int error;

    RefusedException(int error) {
      this.error = error;
    }

    String meaning(String invalid) {
      String name = Errno.name(error);
      if (error == Errno.ESRCH) {
        return "no such domain (" + name + ')';
      }
      return error == Errno.EINVAL ? invalid + " (" + name + ')' : name;
    }
  }
}
