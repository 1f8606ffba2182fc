package org.netback.xen.dom0;

import io.netty.channel.unix.FileDescriptor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.ReentrantLock;
import org.netback.loop.libc.LibC;
import org.netback.loop.netty.FdWatch;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.store.StoreTransport;

/// The store by the kernel's own connection to xenstored (`/dev/xen/xenbus`), for a domain in which
/// xenstored does not run. The octets are those of the socket.
final class KernelStoreTransport implements StoreTransport {
  static final String PATH = "/dev/xen/xenbus";

  /// A message has at most 16 octets of header and 4096 of payload.
  private static final int BUFFER = 8192;

  private final NettyLoop loop;
  private final DeviceFile device;
  private final FileDescriptor descriptor;
  private final MemorySegment in = Arena.ofAuto().allocate(BUFFER, 8);

  /// Guards what is sent and, since a descriptor must not be closed under a write, the closing.
  private final ReentrantLock sending = new ReentrantLock();

  private final MemorySegment out = Arena.ofAuto().allocate(BUFFER, 8);
  private boolean closed;

  // The loop's.
  private Optional<Receiver> receiver = Optional.empty();
  private Optional<FdWatch> watch = Optional.empty();

  private KernelStoreTransport(NettyLoop loop, DeviceFile device) {
    this.loop = loop;
    this.device = device;
    this.descriptor = new FileDescriptor(device.fd());
  }

  /// @param loop delivers, and so must not be one on which calls of the store are made
  static KernelStoreTransport open(NettyLoop loop) throws IOException {
    return new KernelStoreTransport(loop, DeviceFile.open(PATH, LibC.O_NONBLOCK));
  }

  @Override
  public void start(Receiver to) {
    loop.execute(
        () -> {
          receiver = Optional.of(to);
          try {
            watch = Optional.of(FdWatch.open(loop, device.fd(), this::receive));
          } catch (IOException e) {
            end(e.toString());
          }
        });
  }

  private void receive() {
    try {
      int octets = descriptor.readAddress(in.address(), 0, BUFFER);
      if (octets > 0) {
        receiver.ifPresent(to -> to.received(in.asSlice(0, octets).asByteBuffer()));
      } else if (octets < 0) {
        end("closed by the kernel");
      }
    } catch (IOException e) {
      end(e.toString());
    } catch (Throwable e) {
      // The loop records it. The receiver has lost its place in the stream.
      end("internal error: " + e);
      throw e;
    }
  }

  @Override
  public void send(ByteBuffer octets) {
    sending.lock();
    try {
      while (!closed && octets.hasRemaining()) {
        int length = Math.min(octets.remaining(), BUFFER);
        out.asByteBuffer().put(0, octets, octets.position(), length);
        octets.position(octets.position() + Math.max(0, write(length)));
      }
    } catch (IOException e) {
      // The kernel judges a message as it is written; a reply is not going to come.
      onLoop("write: " + e);
    } finally {
      sending.unlock();
    }
  }

  private int write(int length) throws IOException {
    return descriptor.writeAddress(out.address(), 0, length);
  }

  @Override
  public void close() {
    onLoop("closed by this side");
  }

  private void onLoop(String reason) {
    try {
      loop.execute(() -> end(reason));
    } catch (RejectedExecutionException e) {
      end(reason); // the loop has ended, and nobody else is here
    }
  }

  private void end(String reason) {
    sending.lock();
    try {
      if (closed) {
        return;
      }
      closed = true;
      watch.ifPresent(FdWatch::close);
      device.close();
    } finally {
      sending.unlock();
    }
    receiver.ifPresent(to -> to.closed(reason));
  }
}
