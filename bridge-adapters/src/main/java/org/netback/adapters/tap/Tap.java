package org.netback.adapters.tap;

import io.netty.channel.epoll.Epoll;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.netback.loop.libc.Errno;
import org.netback.loop.libc.LibC;
import org.netback.offload.VirtioNetHeader;
import org.netback.packet.MacAddress;

/// An open tap device: the interface, and one descriptor per queue. Set-up calls may come from any
/// thread, one at a time.
///
/// The device is made *in* its namespace, by a thread that is there for a moment: a descriptor of
/// /dev/net/tun belongs to the namespace that it was opened in. Later calls ask the kernel which
/// name and namespace the device has by then (TUNGETIFF, TUNGETDEVNETNS), so that an interface that
/// someone renamed or moved is still found.
public final class Tap implements AutoCloseable {
  private static final String DEVICE = "/dev/net/tun";

  private static final int IFF_TAP = 0x2;
  private static final int IFF_MULTI_QUEUE = 0x100;
  private static final int IFF_ATTACH_QUEUE = 0x200;
  private static final int IFF_DETACH_QUEUE = 0x400;
  private static final int IFF_NO_PI = 0x1000;
  private static final int IFF_VNET_HDR = 0x4000;
  private static final int IFF_UP = 0x1;

  private static final long TUNSETIFF = 0x4004_54ca;
  private static final long TUNSETPERSIST = 0x4004_54cb;
  private static final long TUNSETOFFLOAD = 0x4004_54d0;
  private static final long TUNGETIFF = 0x8004_54d2L;
  private static final long TUNSETVNETHDRSZ = 0x4004_54d8;
  private static final long TUNSETQUEUE = 0x4004_54d9;
  private static final long TUNSETCARRIER = 0x4004_54e2;
  private static final long TUNGETDEVNETNS = 0x54e3;
  private static final long SIOCGIFFLAGS = 0x8913;
  private static final long SIOCSIFFLAGS = 0x8914;
  private static final long SIOCGIFMTU = 0x8921;
  private static final long SIOCSIFMTU = 0x8922;
  private static final long SIOCSIFHWADDR = 0x8924;
  private static final long SIOCGIFHWADDR = 0x8927;

  private static final int IFREQ_SIZE = 40;
  private static final int IFREQ_VALUE = 16;
  private static final short ARPHRD_ETHER = 1;

  private final String name;
  private final List<TapQueue> queues;
  private volatile TapOffload offload;

  private Tap(String name, TapOffload offload, List<TapQueue> queues) {
    this.name = name;
    this.offload = offload;
    this.queues = queues;
  }

  /// Opens an existing tap or makes one.
  ///
  /// @throws IOException says which call failed on which interface, and what can be done
  public static Tap open(TapOptions options) throws IOException {
    // Netty's FileDescriptor does not load the native code that it needs.
    Epoll.ensureAvailability();
    return options.namespace().isPresent()
        ? NetworkNamespace.in(options.namespace().get(), () -> openHere(options))
        : openHere(options);
  }

  private static Tap openHere(TapOptions options) throws IOException {
    List<TapQueue> queues = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      String name = options.name();
      TapOffload granted = TapOffload.NONE;
      for (int i = 0; i < options.queues(); i++) {
        int fd = openDevice(arena);
        queues.add(new TapQueue(fd));
        name = attach(arena, fd, name, options.queues() > 1);
        setVnetHeaderSize(arena, fd, name);
        granted = setOffload(fd, name, options.offload());
      }
      Tap tap = new Tap(name, granted, List.copyOf(queues));
      if (options.persistent()) {
        tap.setPersistent(true);
      }
      if (options.mac().isPresent()) {
        tap.setMac(options.mac().get());
      }
      if (options.mtu().isPresent()) {
        tap.setMtu(options.mtu().getAsInt());
      }
      if (options.up()) {
        tap.setUp(true);
      }
      return tap;
    } catch (IOException | RuntimeException e) {
      queues.forEach(TapQueue::close);
      throw e;
    }
  }

  private static int openDevice(Arena arena) throws IOException {
    return LibC.check(
        LibC.open(
            arena.allocateFrom(DEVICE).address(), LibC.O_RDWR | LibC.O_NONBLOCK | LibC.O_CLOEXEC),
        "open " + DEVICE,
        errno ->
            switch (errno) {
              case Errno.ENOENT, Errno.ENODEV, Errno.ENXIO ->
                  "the kernel's tun module is missing: `modprobe tun`";
              case Errno.EACCES, Errno.EPERM -> "run as root, or give this user access to it";
              default -> "";
            });
  }

  private static String attach(Arena arena, int fd, String name, boolean multiQueue)
      throws IOException {
    MemorySegment request = request(arena, name);
    int flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (multiQueue ? IFF_MULTI_QUEUE : 0);
    request.set(ValueLayout.JAVA_SHORT, IFREQ_VALUE, (short) flags);
    LibC.check(
        LibC.ioctl(fd, TUNSETIFF, request.address()),
        "TUNSETIFF " + name,
        errno ->
            switch (errno) {
              case Errno.EBUSY -> "another process has it open: stop that, or take another name";
              case Errno.EPERM -> "making or taking an interface needs CAP_NET_ADMIN: run as root";
              case Errno.EINVAL ->
                  "an interface of this name exists that is no tap, or that was made with "
                      + (multiQueue ? "one queue" : "several queues")
                      + ": take another name, or `ip link del "
                      + name
                      + '`';
              case Errno.E2BIG -> "the tap has as many queues open as the kernel allows";
              default -> "";
            });
    return name(request);
  }

  private static void setVnetHeaderSize(Arena arena, int fd, String name) throws IOException {
    MemorySegment size = arena.allocateFrom(ValueLayout.JAVA_INT, VirtioNetHeader.SIZE);
    LibC.check(
        LibC.ioctl(fd, TUNSETVNETHDRSZ, size.address()),
        "TUNSETVNETHDRSZ " + name + ' ' + VirtioNetHeader.SIZE,
        LibC.ErrnoAdvice.NONE);
  }

  /// Asks for less and less until the kernel agrees.
  private static TapOffload setOffload(int fd, String name, TapOffload wanted) throws IOException {
    TapOffload asked = wanted;
    while (LibC.ioctl(fd, TUNSETOFFLOAD, asked.bits()) < 0) {
      if (Errno.last() != Errno.EINVAL || asked.bits() == 0) {
        LibC.check(
            -1,
            "TUNSETOFFLOAD " + name + " 0x" + Long.toHexString(asked.bits()),
            LibC.ErrnoAdvice.NONE);
      }
      asked = asked.less();
    }
    return asked;
  }

  /// The name that the interface had when it was opened.
  public String name() {
    return name;
  }

  /// What the kernel agreed to hand over, which may be less than was asked for.
  public TapOffload offload() {
    return offload;
  }

  public List<TapQueue> queues() {
    return queues;
  }

  /// Changes what the kernel may hand over from now on; frames on their way are as they were.
  ///
  /// @return what it agreed to, which may be less
  public TapOffload setOffload(TapOffload wanted) throws IOException {
    offload = setOffload(fd(), name, wanted);
    return offload;
  }

  /// Takes a queue of a multi-queue tap in or out of use: the kernel spreads its flows over the
  /// queues in use. A queue out of use looks like a deleted interface to whoever reads or writes
  /// it, or waits for it.
  public void setQueueInUse(int index, boolean inUse) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment request = arena.allocate(IFREQ_SIZE, 8);
      request.set(
          ValueLayout.JAVA_SHORT,
          IFREQ_VALUE,
          (short) (inUse ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE));
      LibC.check(
          LibC.ioctl(queues.get(index).fd().intValue(), TUNSETQUEUE, request.address()),
          "TUNSETQUEUE " + name + ' ' + index,
          Tap::whenGone);
    }
  }

  /// Whether the interface stays when the last descriptor is closed.
  public void setPersistent(boolean persistent) throws IOException {
    LibC.check(
        LibC.ioctl(fd(), TUNSETPERSIST, persistent ? 1 : 0),
        "TUNSETPERSIST " + name,
        LibC.ErrnoAdvice.NONE);
  }

  /// Switches the carrier: what the peer is told of the link.
  public void setCarrier(boolean on) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocateFrom(ValueLayout.JAVA_INT, on ? 1 : 0);
      LibC.check(
          LibC.ioctl(fd(), TUNSETCARRIER, value.address()), "TUNSETCARRIER " + name, Tap::whenGone);
    }
  }

  /// @param mtu octets of a packet without its Ethernet header, 68 to 65521
  public void setMtu(int mtu) throws IOException {
    deviceRequest(
        (socket, request) -> {
          request.set(ValueLayout.JAVA_INT, IFREQ_VALUE, mtu);
          LibC.check(
              LibC.ioctl(socket, SIOCSIFMTU, request.address()),
              "SIOCSIFMTU " + name(request) + ' ' + mtu,
              errno ->
                  errno == Errno.EINVAL || errno == Errno.ERANGE
                      ? "a tap takes 68 to 65521"
                      : whenGone(errno));
          return mtu;
        });
  }

  public int mtu() throws IOException {
    return deviceRequest(
        (socket, request) -> {
          LibC.check(
              LibC.ioctl(socket, SIOCGIFMTU, request.address()),
              "SIOCGIFMTU " + name(request),
              Tap::whenGone);
          return request.get(ValueLayout.JAVA_INT, IFREQ_VALUE);
        });
  }

  public void setUp(boolean up) throws IOException {
    deviceRequest(
        (socket, request) -> {
          LibC.check(
              LibC.ioctl(socket, SIOCGIFFLAGS, request.address()),
              "SIOCGIFFLAGS " + name(request),
              Tap::whenGone);
          int flags = request.get(ValueLayout.JAVA_SHORT, IFREQ_VALUE);
          request.set(
              ValueLayout.JAVA_SHORT, IFREQ_VALUE, (short) (up ? flags | IFF_UP : flags & ~IFF_UP));
          return LibC.check(
              LibC.ioctl(socket, SIOCSIFFLAGS, request.address()),
              "SIOCSIFFLAGS " + name(request),
              Tap::whenGone);
        });
  }

  public void setMac(MacAddress mac) throws IOException {
    deviceRequest(
        (socket, request) -> {
          request.set(ValueLayout.JAVA_SHORT, IFREQ_VALUE, ARPHRD_ETHER);
          for (int i = 0; i < 6; i++) {
            request.set(
                ValueLayout.JAVA_BYTE, IFREQ_VALUE + 2L + i, (byte) (mac.value() >>> 40 - 8 * i));
          }
          return LibC.check(
              LibC.ioctl(socket, SIOCSIFHWADDR, request.address()),
              "SIOCSIFHWADDR " + name(request) + ' ' + mac,
              errno ->
                  errno == Errno.EADDRNOTAVAIL
                      ? "not a station's address: it has the group bit, or is zero"
                      : whenGone(errno));
        });
  }

  /// The kernel's own address on the interface.
  public MacAddress mac() throws IOException {
    return deviceRequest(
        (socket, request) -> {
          LibC.check(
              LibC.ioctl(socket, SIOCGIFHWADDR, request.address()),
              "SIOCGIFHWADDR " + name(request),
              Tap::whenGone);
          long value = 0;
          for (int i = 0; i < 6; i++) {
            value = value << 8 | request.get(ValueLayout.JAVA_BYTE, IFREQ_VALUE + 2L + i) & 0xff;
          }
          return new MacAddress(value);
        });
  }

  /// Closes all queues; the interface goes with them unless it is persistent.
  @Override
  public void close() {
    queues.forEach(TapQueue::close);
  }

  /// Does something to the interface, whatever it is called and wherever it is by now.
  private <T> T deviceRequest(DeviceRequest<T> work) throws IOException {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment request = arena.allocate(IFREQ_SIZE, 8);
      LibC.check(
          LibC.ioctl(fd(), TUNGETIFF, request.address()), "TUNGETIFF " + name, Tap::whenGone);
      int namespace =
          LibC.check(LibC.ioctl(fd(), TUNGETDEVNETNS, 0), "TUNGETDEVNETNS " + name, Tap::whenGone);
      try {
        return NetworkNamespace.in(
            namespace,
            "of " + name,
            () -> {
              int socket =
                  LibC.check(
                      LibC.socket(LibC.AF_INET, LibC.SOCK_DGRAM | LibC.SOCK_CLOEXEC, 0),
                      "socket AF_INET",
                      LibC.ErrnoAdvice.NONE);
              try {
                return work.run(socket, request);
              } finally {
                LibC.close(socket);
              }
            });
      } finally {
        LibC.close(namespace);
      }
    }
  }

  /// What is asked of an interface.
  @FunctionalInterface
  private interface DeviceRequest<T> {
    /// @param socket for the ioctl, in the interface's namespace
    /// @param request a `struct ifreq` with the interface's name
    T run(int socket, MemorySegment request) throws IOException;
  }

  private int fd() {
    return queues.getFirst().fd().intValue();
  }

  private static String whenGone(int errno) {
    return switch (errno) {
      case Errno.ENODEV, Errno.EBADFD, Errno.EBADF -> "the interface has been deleted";
      case Errno.EPERM -> "needs CAP_NET_ADMIN in the interface's namespace: run as root";
      default -> "";
    };
  }

  private static MemorySegment request(Arena arena, String name) {
    MemorySegment request = arena.allocate(IFREQ_SIZE, 8);
    byte[] text = name.getBytes(StandardCharsets.UTF_8);
    MemorySegment.copy(text, 0, request, ValueLayout.JAVA_BYTE, 0, text.length);
    return request;
  }

  private static String name(MemorySegment request) {
    return request.getString(0);
  }
}
