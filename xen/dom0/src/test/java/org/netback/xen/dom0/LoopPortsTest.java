package org.netback.xen.dom0;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.channel.unix.FileDescriptor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.netback.loop.InternalErrors;
import org.netback.loop.libc.LibC;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.event.EventHandler;

/// What happens when a handler throws, and when the device fails, which no Xen host does on demand.
/// In the place of `/dev/xen/evtchn` is a pair of sockets: the test writes the ports that were
/// notified, and reads those that are unmasked.
@Timeout(60)
final class LoopPortsTest {
  private static final int EFAULT = 14;

  private final Queue<String> records = new ConcurrentLinkedQueue<>();
  private final BlockingQueue<String> calls = new LinkedBlockingQueue<>();
  private final InternalErrors errors =
      new InternalErrors(
          () -> 0, report -> records.add(report.owner() + ": " + report.error().getMessage()));
  private final NettyLoop loop = NettyLoop.start("loop", 0, errors);
  private final CompletableFuture<String> lost = new CompletableFuture<>();
  private final int[] sockets = new int[2];
  private int unbinds;
  private LoopPorts ports;

  /// Gives out the ports from 1; the unbinding of one fails.
  private final class FakeEvtchn extends DeviceFile {
    private int last;

    FakeEvtchn(int fd) {
      super(Evtchn.PATH, fd);
    }

    @Override
    int ioctl(long request, MemorySegment argument) {
      if (request == Evtchn.UNBIND) {
        unbinds++;
        return -EFAULT;
      }
      assertThat(request).isEqualTo(Evtchn.BIND_INTERDOMAIN);
      return ++last;
    }
  }

  @BeforeEach
  void open() throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment both = arena.allocate(ValueLayout.JAVA_INT, 2);
      assertThat(LibC.socketpair(LibC.AF_UNIX, LibC.SOCK_STREAM, 0, both.address())).isZero();
      sockets[0] = both.getAtIndex(ValueLayout.JAVA_INT, 0);
      sockets[1] = both.getAtIndex(ValueLayout.JAVA_INT, 1);
    }
    ports = LoopPorts.open(loop, new FakeEvtchn(sockets[0]), lost::complete);
  }

  @AfterEach
  void close() throws IOException {
    ports.close();
    loop.close();
    if (sockets[1] >= 0) {
      peer().close();
    }
  }

  private FileDescriptor peer() {
    return new FileDescriptor(sockets[1]);
  }

  private void closePeer() throws IOException {
    peer().close();
    sockets[1] = -1;
  }

  private static ByteBuffer words(int count) {
    return ByteBuffer.allocateDirect(Evtchn.PORT_SIZE * count).order(ByteOrder.nativeOrder());
  }

  /// All of them are there at the loop's next read.
  private void notified(int... which) throws IOException {
    ByteBuffer words = words(which.length);
    for (int port : which) {
      words.putInt(port);
    }
    assertThat(peer().write(words, 0, words.capacity())).isEqualTo(words.capacity());
  }

  /// Waits for the next ports that are unmasked.
  private List<Integer> unmasked(int count) throws IOException {
    ByteBuffer words = words(count);
    int octets = 0;
    while (octets < words.capacity()) {
      octets += peer().read(words, octets, words.capacity());
    }
    List<Integer> which = new ArrayList<>();
    while (words.hasRemaining()) {
      which.add(words.getInt());
    }
    return which;
  }

  private EventHandler handler(String name, boolean work) {
    return () -> {
      calls.add(name);
      return work;
    };
  }

  private static boolean throwing() {
    throw new StackOverflowError("planted");
  }

  /// Waits until the loop has done whatever it is doing now.
  private void awaitLoop() throws Exception {
    CompletableFuture<Boolean> reached = new CompletableFuture<>();
    loop.execute(() -> reached.complete(true));
    assertThat(reached.get(30, TimeUnit.SECONDS)).isTrue();
  }

  /// @return after the loop has recorded what it was that lost the ground
  private String reason() throws Exception {
    String reason = lost.get(30, TimeUnit.SECONDS);
    awaitLoop();
    return reason;
  }

  @Test
  void aHandlerThatThrowsCostsNoOtherItsEventAndIsSlowedDown() throws Exception {
    ports.bind(1, 1, LoopPortsTest::throwing);
    ports.bind(1, 2, handler("two", true));

    notified(1, 2);
    assertThat(calls.take()).isEqualTo("two");
    assertThat(unmasked(2)).containsExactly(1, 2);
    // Its second call without work: the other is unmasked at once, this one a millisecond later.
    notified(1, 2);
    assertThat(calls.take()).isEqualTo("two");
    assertThat(unmasked(2)).containsExactly(2, 1);

    assertThat(errors.count()).isEqualTo(2);
    assertThat(records).containsExactly("loop, event channel port 1: planted");
    assertThat(lost).isNotDone();
  }

  @Test
  void aPortWhoseUnbindingFailsIsCalledNoMore() throws Exception {
    Dom0Channel channel = ports.bind(1, 1, handler("one", true));
    ports.bind(1, 2, handler("two", true));

    assertThatThrownBy(channel::close)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("IOCTL_EVTCHN_UNBIND of port 1: EFAULT");
    channel.close();
    notified(1, 2);

    assertThat(calls.take()).isEqualTo("two");
    assertThat(unmasked(1)).containsExactly(2);
    assertThat(calls).isEmpty();
    assertThat(unbinds).isEqualTo(1);
  }

  @Test
  void aFailedReadLosesTheGround() throws Exception {
    ports.bind(1, 1, handler("one", true));
    notified(1);
    assertThat(calls.take()).isEqualTo("one");
    awaitLoop();
    // The port that was unmasked is not read: the end at the loop is reset.
    closePeer();

    assertThat(reason())
        .startsWith("event channels of loop: read of /dev/xen/evtchn: ")
        .contains("Connection reset by peer");
    assertThat(records)
        .singleElement()
        .asString()
        .startsWith("loop, watch of descriptor " + sockets[0] + ": read of /dev/xen/evtchn: ");
  }

  @Test
  void anEndOfTheDeviceLosesTheGround() throws Exception {
    closePeer();

    assertThat(reason()).isEqualTo("event channels of loop: read of /dev/xen/evtchn: end of file");
  }

  @Test
  void aFailedUnmaskingLosesTheGround() throws Exception {
    ports.bind(1, 1, handler("one", true));
    assertThat(LibC.shutdown(sockets[1], LibC.SHUT_RD)).isZero();
    notified(1);

    assertThat(reason())
        .startsWith("event channels of loop: write of 1 ports to /dev/xen/evtchn: ")
        .contains("Broken pipe");
  }

  @Test
  void aFailedLateUnmaskingLosesTheGround() throws Exception {
    ports.bind(1, 1, handler("one", false));
    notified(1);
    assertThat(unmasked(1)).containsExactly(1);
    assertThat(LibC.shutdown(sockets[1], LibC.SHUT_RD)).isZero();
    notified(1);

    assertThat(reason())
        .startsWith("event channels of loop: write of 1 ports to /dev/xen/evtchn: ")
        .contains("Broken pipe");
  }
}
