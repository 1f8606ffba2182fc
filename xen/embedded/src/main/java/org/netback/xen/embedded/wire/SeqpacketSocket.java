package org.netback.xen.embedded.wire;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.netback.loop.libc.Errno;
import org.netback.loop.libc.LibC;
import org.netback.loop.netty.SocketFile;

/// A Unix socket that keeps messages apart (SOCK_SEQPACKET) and carries descriptors along
/// (SCM_RIGHTS).
///
/// One thread receives, and blocks in it; any may send. A close from another thread wakes the
/// receiver, and the descriptor itself is closed by whichever of them leaves last, so that nobody
/// uses a number that is another file's by now.
public final class SeqpacketSocket implements AutoCloseable {
  /// The longest message; what is longer was not sent by us.
  static final int MAX_MESSAGE = 4096;

  /// No message carries more descriptors.
  static final int MAX_DESCRIPTORS = 2;

  private static final int MSGHDR_SIZE = 56;
  private static final int CMSG_DATA = 16;
  private static final int CONTROL_SIZE = CMSG_DATA + 4 * MAX_DESCRIPTORS;

  private final int fd;
  private int users = 1;
  private boolean closed;

  private SeqpacketSocket(int fd) {
    this.fd = fd;
  }

  /// A message and the descriptors that came with it, which are the receiver's.
  public record Message(ByteBuffer octets, List<Integer> descriptors) {}

  public static SeqpacketSocket open() throws IOException {
    int fd = LibC.socket(LibC.AF_UNIX, LibC.SOCK_SEQPACKET | LibC.SOCK_CLOEXEC, 0);
    if (fd < 0) {
      throw Errno.last("socket");
    }
    return new SeqpacketSocket(fd);
  }

  /// @param patience how long to wait for a listener whose queue is full
  /// @throws SocketTimeoutException it has not let this process in within that time
  public static SeqpacketSocket connect(Path path, Duration patience) throws IOException {
    SeqpacketSocket socket = open();
    try {
      socket.bound(LibC.SO_SNDTIMEO, patience);
      socket.address(
          path,
          "connect to ",
          (fd, address, length) -> {
            int connected = LibC.connect(fd, address, length);
            if (connected != 0 && Errno.last() == Errno.EAGAIN) {
              throw new SocketTimeoutException(
                  path + " let nobody in within " + patience.toMillis() / 1000.0 + " s");
            }
            return connected;
          });
      return socket;
    } catch (IOException e) {
      socket.close();
      throw e;
    }
  }

  /// Takes a name that is free.
  public void bind(Path path) throws IOException {
    address(path, "bind ", LibC::bind);
  }

  public void listen(int backlog) throws IOException {
    if (LibC.listen(fd, backlog) != 0) {
      throw Errno.last("listen");
    }
  }

  private interface AddressCall {
    int with(int socket, long address, int length) throws IOException;
  }

  private void address(Path path, String what, AddressCall call) throws IOException {
    byte[] name = path.toString().getBytes(StandardCharsets.UTF_8);
    if (name.length > SocketFile.MAX_OCTETS) {
      throw new IOException(
          what
              + path
              + ": the path has "
              + name.length
              + " octets, not up to "
              + SocketFile.MAX_OCTETS);
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment address = arena.allocate(2 + SocketFile.MAX_OCTETS + 1, 8);
      address.set(JAVA_SHORT, 0, (short) LibC.AF_UNIX);
      MemorySegment.copy(name, 0, address, JAVA_BYTE, 2, name.length);
      if (call.with(fd, address.address(), (int) address.byteSize()) != 0) {
        throw Errno.last(what + path);
      }
    }
  }

  /// Waits for a client.
  ///
  /// @return empty once this has been closed
  public Optional<SeqpacketSocket> accept() throws IOException {
    if (!enter()) {
      return Optional.empty();
    }
    try {
      while (true) {
        int client = LibC.accept4(fd, 0, 0, LibC.SOCK_CLOEXEC);
        if (client >= 0) {
          return Optional.of(new SeqpacketSocket(client));
        }
        int error = Errno.last();
        if (isClosed()) {
          return Optional.empty();
        }
        if (error != Errno.EINTR) {
          throw Errno.refused("accept4", error);
        }
      }
    } finally {
      leave();
    }
  }

  /// The user that the process at the other end was when it connected.
  public int peerUser() throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment credentials = arena.allocate(12, 8);
      MemorySegment length = arena.allocateFrom(JAVA_INT, 12);
      if (LibC.getsockopt(
              fd, LibC.SOL_SOCKET, LibC.SO_PEERCRED, credentials.address(), length.address())
          != 0) {
        throw Errno.last("SO_PEERCRED");
      }
      return credentials.get(JAVA_INT, 4);
    }
  }

  /// Bounds how long [#receive] waits; zero is for ever.
  public void receiveWithin(Duration time) throws IOException {
    bound(LibC.SO_RCVTIMEO, time);
  }

  private void bound(int option, Duration time) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment timeval = arena.allocate(16, 8);
      timeval.set(JAVA_LONG, 0, time.toSeconds());
      timeval.set(JAVA_LONG, 8, time.toNanosPart() / 1000);
      if (LibC.setsockopt(fd, LibC.SOL_SOCKET, option, timeval.address(), 16) != 0) {
        throw Errno.last("a socket's timeout");
      }
    }
  }

  /// Sends a message, or fails if the receiver has let the socket's buffer fill: it is never waited
  /// for. The descriptors stay the caller's.
  public void send(ByteBuffer octets, int... descriptors) throws IOException {
    if (!enter()) {
      throw new IOException("send: closed");
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment data = arena.allocate(Math.max(1, octets.remaining()));
      data.copyFrom(MemorySegment.ofBuffer(octets));
      MemorySegment header = header(arena, data, octets.remaining());
      if (descriptors.length > 0) {
        MemorySegment control = arena.allocate(CONTROL_SIZE, 8);
        int length = CMSG_DATA + 4 * descriptors.length;
        control.set(JAVA_LONG, 0, length);
        control.set(JAVA_INT, 8, LibC.SOL_SOCKET);
        control.set(JAVA_INT, 12, LibC.SCM_RIGHTS);
        MemorySegment.copy(descriptors, 0, control, JAVA_INT, CMSG_DATA, descriptors.length);
        header.set(JAVA_LONG, 32, control.address());
        header.set(JAVA_LONG, 40, align(length));
      }
      long sent;
      do {
        sent = LibC.sendmsg(fd, header.address(), LibC.MSG_DONTWAIT | LibC.MSG_NOSIGNAL);
      } while (sent < 0 && Errno.last() == Errno.EINTR);
      if (sent < 0) {
        throw Errno.last("sendmsg");
      }
    } finally {
      leave();
    }
  }

  /// Waits for a message.
  ///
  /// @param descriptors whether to take any along; else the kernel closes those that come
  /// @return empty once either side has closed
  /// @throws IOException also for a message that is longer than [#MAX_MESSAGE], or late
  public Optional<Message> receive(boolean descriptors) throws IOException {
    if (!enter()) {
      return Optional.empty();
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment data = arena.allocate(MAX_MESSAGE);
      MemorySegment header = header(arena, data, MAX_MESSAGE);
      MemorySegment control = arena.allocate(align(CONTROL_SIZE), 8);
      if (descriptors) {
        header.set(JAVA_LONG, 32, control.address());
        header.set(JAVA_LONG, 40, control.byteSize());
      }
      long received;
      do {
        received = LibC.recvmsg(fd, header.address(), LibC.MSG_CMSG_CLOEXEC);
      } while (received < 0 && Errno.last() == Errno.EINTR);
      if (received < 0) {
        int error = Errno.last();
        if (error == Errno.ECONNRESET || isClosed()) {
          return Optional.empty();
        }
        throw Errno.refused("recvmsg", error);
      }
      List<Integer> taken = descriptors ? descriptors(header, control) : List.of();
      if ((header.get(JAVA_INT, 48) & LibC.MSG_TRUNC) != 0) {
        taken.forEach(LibC::close);
        throw new IOException("a message of more than " + MAX_MESSAGE + " octets");
      }
      if (received == 0) {
        // No message of ours is empty: this is the end.
        return Optional.empty();
      }
      byte[] octets = data.asSlice(0, received).toArray(JAVA_BYTE);
      return Optional.of(new Message(ByteBuffer.wrap(octets), taken));
    } finally {
      leave();
    }
  }

  private static List<Integer> descriptors(MemorySegment header, MemorySegment control) {
    List<Integer> taken = new ArrayList<>();
    boolean rights =
        header.get(JAVA_LONG, 40) >= CMSG_DATA
            && control.get(JAVA_INT, 8) == LibC.SOL_SOCKET
            && control.get(JAVA_INT, 12) == LibC.SCM_RIGHTS;
    if (rights) {
      long length = Math.min(control.get(JAVA_LONG, 0), control.byteSize());
      for (long at = CMSG_DATA; at + 4 <= length; at += 4) {
        taken.add(control.get(JAVA_INT, at));
      }
    }
    return taken;
  }

  /// `struct msghdr` with one vector, as on every 64-bit Linux.
  private static MemorySegment header(Arena arena, MemorySegment data, long length) {
    MemorySegment vector = arena.allocate(16, 8);
    vector.set(JAVA_LONG, 0, data.address());
    vector.set(JAVA_LONG, 8, length);
    MemorySegment header = arena.allocate(MSGHDR_SIZE, 8);
    header.set(JAVA_LONG, 16, vector.address());
    header.set(JAVA_LONG, 24, 1);
    return header;
  }

  private static long align(long length) {
    return (length + 7) & ~7L;
  }

  private synchronized boolean isClosed() {
    return closed;
  }

  private synchronized boolean enter() {
    if (closed) {
      return false;
    }
    users++;
    return true;
  }

  private synchronized void leave() {
    if (--users == 0) {
      int _ = LibC.close(fd);
    }
  }

  /// Wakes both sides' receivers. Idempotent.
  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      int _ = LibC.shutdown(fd, LibC.SHUT_RDWR);
    }
    leave();
  }
}
