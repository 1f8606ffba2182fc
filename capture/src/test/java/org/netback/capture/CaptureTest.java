package org.netback.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.netback.capture.Ports.Sender;
import org.netback.capture.Ports.Taker;
import org.netback.capture.filter.FilterCompiler;
import org.netback.capture.filter.FilterProgram;
import org.netback.capture.pcapng.CaptureClock;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.MacLimits;
import org.netback.vswitch.Network;
import org.netback.vswitch.Observer;
import org.netback.vswitch.PortTraffic;
import org.netback.vswitch.Switch;
import org.netback.vswitch.SwitchPort;

@Timeout(60)
class CaptureTest {
  private static final int RING = 1 << 16;
  private static final CaptureClock CLOCK = new CaptureClock(System::nanoTime, System::nanoTime);
  private final Switch ports = new Switch(MacLimits.DEFAULT, System::nanoTime);
  private final Network network = ports.network("blue");
  private final Taker takerA = new Taker("a", new PortTraffic(), false);
  private final Taker takerB = new Taker("b", new PortTraffic(), false);
  private final SwitchPort a = network.attach(takerA);
  private final SwitchPort b = network.attach(takerB);
  private final Sender fromA = new Sender(a, 1);
  private final Sender fromB = new Sender(b, 0);
  private final Kept kept = new Kept();

  private record Seen(
      long number,
      String point,
      String port,
      int queue,
      String verdict,
      int length,
      int captured) {}

  /// Keeps a copy of what it is handed.
  private static final class Kept implements CaptureSink {
    final List<Seen> seen = new ArrayList<>();
    final List<byte[]> octets = new ArrayList<>();
    final List<Long> nanos = new ArrayList<>();
    final CountDownLatch mayGoOn = new CountDownLatch(1);
    boolean closed;
    long total = -1;
    boolean waits;
    String failure = "";

    @Override
    public void frame(CapturedFrame frame, long lost) throws IOException {
      if (waits) {
        try {
          mayGoOn.await();
        } catch (InterruptedException e) {
          throw new IOException(e);
        }
      }
      if (!failure.isEmpty()) {
        throw new IOException(failure);
      }
      seen.add(
          new Seen(
              frame.number(),
              frame.point().text(),
              frame.port().name(),
              frame.queue(),
              frame.verdict().toString(),
              frame.length(),
              frame.captured()));
      octets.add(
          frame.memory().asSlice(frame.offset(), frame.captured()).toArray(ValueLayout.JAVA_BYTE));
      nanos.add(frame.nanos());
    }

    @Override
    public void flush() {}

    @Override
    public void end(CaptureStatistics statistics) {
      total = statistics.frames();
    }

    @Override
    public void close() {
      closed = true;
    }
  }

  private static CaptureChoice all(int snapLength) {
    return new CaptureChoice(
        EnumSet.allOf(CapturePoint.class),
        Set.of(),
        CaptureChoice.EVERY_QUEUE,
        FilterProgram.EVERYTHING,
        snapLength);
  }

  private Capture start(CaptureChoice choice) {
    return start(choice, Long.MAX_VALUE);
  }

  private Capture start(CaptureChoice choice, long most) {
    return Capture.start("capture 1", choice, most, 2, RING, CLOCK, network::observe, kept);
  }

  private static CaptureStatistics end(Capture capture) throws Exception {
    capture.close();
    return capture.ended().toCompletableFuture().get(30, TimeUnit.SECONDS);
  }

  @Test
  void aFrameIsSeenAtEachPointUnderOneNumber() throws Exception {
    fromB.send(1, Ports.MAC_B, Ports.MAC_A, 60);
    Capture capture = start(all(96));
    fromA.send(1, Ports.MAC_A, Ports.MAC_B, 200);
    CaptureStatistics statistics = end(capture);
    long number = kept.seen.getFirst().number();
    assertThat(kept.seen)
        .containsExactly(
            new Seen(number, "from-guest", "a", 1, "FROM_GUEST", 200, 96),
            new Seen(number, "forwarded", "a", 1, "b", 200, 96),
            new Seen(number, "to-guest", "b", 3, "TO_GUEST", 200, 96));
    assertThat(kept.octets.getFirst()).startsWith(Ports.MAC_B).hasSize(96);
    assertThat(kept.octets.get(2)).isEqualTo(kept.octets.getFirst());
    assertThat(kept.nanos).isSorted();
    assertThat(kept.total).isEqualTo(3);
    assertThat(kept.closed).isTrue();
    assertThat(statistics).isEqualTo(new CaptureStatistics(3, 288, 0));
  }

  @Test
  void aDropIsSeenWithItsReason() throws Exception {
    Taker takerC = new Taker("c", new PortTraffic(), true);
    Sender fromC = new Sender(network.attach(takerC), 0);
    fromC.send(1, new byte[] {0, 0x16, 0x3e, 0, 0, 3}, Ports.MAC_A, 60);
    Capture capture =
        start(
            new CaptureChoice(
                Set.of(CapturePoint.DROPPED, CapturePoint.REJECTED),
                Set.of(),
                CaptureChoice.EVERY_QUEUE,
                FilterProgram.EVERYTHING,
                64));
    fromA.send(2, Ports.MAC_A, new byte[] {0, 0x16, 0x3e, 0, 0, 3}, 80);
    fromA.send(1, Ports.MAC_A, Ports.MAC_A, 90);
    takerC.traffic().reject(2, 70_000, "too many slots");
    end(capture);
    assertThat(kept.seen)
        .extracting(Seen::point, Seen::port, Seen::queue, Seen::verdict, Seen::length)
        .containsExactly(
            tuple("dropped", "c", Observer.NO_QUEUE, "BACKLOG_FULL", 80),
            tuple("dropped", "c", Observer.NO_QUEUE, "BACKLOG_FULL", 80),
            tuple("dropped", "a", 1, "SAME_PORT", 90),
            tuple("rejected", "c", 2, "too many slots", 70_000));
  }

  @Test
  void onlyWhatIsChosenIsRecorded() throws Exception {
    FilterProgram firstOctet7 = FilterCompiler.compile("ether[14] = 7");
    assertThat(firstOctet7.reach()).isEqualTo(15);
    Capture capture =
        start(new CaptureChoice(Set.of(CapturePoint.FROM_GUEST), Set.of(), 1, firstOctet7, 20));
    fromA.send(10, Ports.MAC_A, Ports.MAC_B, 60);
    fromB.send(10, Ports.MAC_B, Ports.MAC_A, 60);
    end(capture);
    assertThat(kept.seen)
        .singleElement()
        .isEqualTo(
            new Seen(kept.seen.getFirst().number(), "from-guest", "a", 1, "FROM_GUEST", 60, 20));
  }

  @Test
  void reasonsChooseAmongDrops() throws Exception {
    Capture capture =
        start(
            new CaptureChoice(
                Set.of(CapturePoint.DROPPED, CapturePoint.REJECTED),
                Set.of(DropReason.TOO_SHORT),
                CaptureChoice.EVERY_QUEUE,
                FilterProgram.EVERYTHING,
                64));
    fromA.send(1, Ports.MAC_A, Ports.MAC_A, 60);
    fromA.send(1, Ports.MAC_A, new byte[6], 60);
    takerA.traffic().reject(0, 5, "odd");
    takerB.traffic().drop(DropReason.TOO_SHORT, 0, frameOf(13));
    end(capture);
    assertThat(kept.seen).singleElement().extracting(Seen::length).isEqualTo(13);
  }

  private static Frame frameOf(int length) {
    return new FrameArena(java.lang.foreign.Arena.ofAuto(), 1, 4096).allocate(length);
  }

  @Test
  void endsByItselfAfterAsManyFramesAsWereWanted() throws Exception {
    Capture capture = start(all(64), 5);
    fromA.send(10, Ports.MAC_A, Ports.MAC_B, 60);
    CaptureStatistics statistics = capture.ended().toCompletableFuture().get(30, TimeUnit.SECONDS);
    assertThat(statistics).isEqualTo(new CaptureStatistics(5, 300, 0));
    assertThat(network.ports()).hasSize(2);
  }

  /// The traffic goes on, and what the capture could not hold is counted.
  @Test
  void aSinkThatWaitsCostsTheCaptureFramesAndTheTrafficNothing() throws Exception {
    kept.waits = true;
    Capture capture = start(all(64));
    int rounds = 50;
    for (int i = 0; i < rounds; i++) {
      fromA.send(64, Ports.MAC_A, Ports.MAC_B, 60);
    }
    assertThat(b.statistics().egressFrames()).isEqualTo(64L * rounds);
    assertThat(capture.statistics().lost()).isPositive();
    kept.mayGoOn.countDown();
    CaptureStatistics statistics = end(capture);
    assertThat(statistics.frames() + statistics.lost()).isEqualTo(3L * 64 * rounds);
    assertThat(statistics.frames()).isGreaterThanOrEqualTo(RING / 136);
    assertThat(kept.seen).hasSize((int) statistics.frames());
  }

  @Test
  void aSinkThatFailsEndsTheCaptureAndNothingElse() {
    kept.failure = "no space left on device";
    Capture capture = start(all(64));
    fromA.send(10, Ports.MAC_A, Ports.MAC_B, 60);
    assertThatThrownBy(() -> capture.ended().toCompletableFuture().get(30, TimeUnit.SECONDS))
        .isInstanceOf(ExecutionException.class)
        .hasRootCauseMessage("no space left on device");
    fromA.send(10, Ports.MAC_A, Ports.MAC_B, 60);
    assertThat(b.statistics().egressFrames()).isEqualTo(20);
    assertThat(kept.closed).isTrue();
  }

  @Test
  void framesOfSeveralThreadsAreHandedOnInTheOrderOfTheirTime() throws Exception {
    kept.waits = true;
    Capture capture = start(all(64));
    int rounds = 60;
    CompletableFuture<Void> other =
        CompletableFuture.runAsync(() -> sendSlowly(fromB, rounds, Ports.MAC_B, Ports.MAC_A));
    sendSlowly(fromA, rounds, Ports.MAC_A, Ports.MAC_B);
    other.get(30, TimeUnit.SECONDS);
    kept.mayGoOn.countDown();
    assertThat(end(capture)).isEqualTo(new CaptureStatistics(6L * rounds, 6L * rounds * 60, 0));
    assertThat(kept.seen).extracting(Seen::port).contains("a", "b");
    // The first was taken before the others were there.
    assertThat(kept.nanos.subList(1, kept.nanos.size())).isSorted();
  }

  private static void sendSlowly(Sender sender, int rounds, byte[] from, byte[] to) {
    for (int i = 0; i < rounds; i++) {
      sender.send(1, from, to, 60);
    }
  }

  /// Once a thread has its ring.
  @Test
  void nothingIsAllocatedForAFrame() throws Exception {
    Recorder recorder =
        new Recorder("capture", all(64), Long.MAX_VALUE, 1, 1 << 20, System::nanoTime);
    Frame frame = frameOf(60);
    var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    for (int i = 0; i < 20_000; i++) {
      recorder.egress(b, 0, frame);
      take(recorder);
    }
    long before = threads.getCurrentThreadAllocatedBytes();
    for (int i = 0; i < 100_000; i++) {
      recorder.egress(b, 0, frame);
      take(recorder);
    }
    assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(100_000);
  }

  /// A thread that nobody has counted on finds no ring at first.
  @Test
  void aThreadWithoutARingLosesItsFrames() {
    Recorder recorder = new Recorder("capture", all(64), 100, 0, 4096, System::nanoTime);
    recorder.egress(b, 0, frameOf(60));
    assertThat(recorder.lost()).isEqualTo(1);
    recorder.provide();
    recorder.egress(b, 0, frameOf(60));
    assertThat(recorder.lost()).isEqualTo(1);
    assertThat(recorder.oldest().getFirst().next()).isTrue();
    recorder.release();
    recorder.egress(b, 0, frameOf(60));
    assertThat(recorder.oldest()).isEmpty();
  }

  private static void take(Recorder recorder) {
    CapturedFrame oldest = recorder.oldest().getFirst();
    if (!oldest.next() || oldest.length() != 60) {
      throw new AssertionError("not recorded");
    }
    oldest.release();
  }
}
