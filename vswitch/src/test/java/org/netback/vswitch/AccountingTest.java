package org.netback.vswitch;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.FrameBatch;
import org.netback.packet.GsoType;
import org.netback.packet.MacAddress;
import org.netback.packet.OffloadSet;
import org.netback.properties.Property;
import org.netback.properties.Sample;

/// Nothing is lost without a reason, nothing is allocated, and nobody is in the way.
class AccountingTest {
  /// A port that only counts.
  private static final class CountingPort implements Port {
    private final String name;
    private final OffloadSet accepts;
    private final PortTraffic traffic = new PortTraffic();

    CountingPort(String name, OffloadSet accepts) {
      this.name = name;
      this.accepts = accepts;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public OffloadSet accepts() {
      return accepts;
    }

    @Override
    public void transmit(FrameBatch frames) {
      traffic.delivered(0, frames);
    }

    @Override
    public PortTraffic traffic() {
      return traffic;
    }
  }

  /// @param from -1 for the broadcast address, as `to`
  /// @param gsoSize -1 for none
  private record Sent(int from, int to, int length, ChecksumState checksum, int gsoSize) {
    static Sent drawn(Sample sample) {
      return new Sent(
          sample.between(-1, 9),
          sample.between(-1, 9),
          sample.between(0, 399),
          sample.oneOf(ChecksumState.values()),
          sample.between(0, 9) < 8 ? -1 : sample.between(0, 99));
    }

    static long address(int number) {
      return number < 0 ? MacAddress.BROADCAST : number;
    }
  }

  /// @param port where they come in
  private record Round(int port, List<Sent> frames) {}

  @Test
  void everyFrameIsDeliveredOrCounted() {
    Property.holds(400, AccountingTest::forwardAndCount);
  }

  private static void forwardAndCount(Sample sample) {
    int portCount = sample.between(1, 6);
    List<Round> rounds =
        sample.list(
            0,
            20,
            () ->
                new Round(
                    sample.between(0, portCount - 1),
                    sample.list(0, 99, () -> Sent.drawn(sample))));
    Network network = new Switch(MacLimits.DEFAULT, () -> 0L).network("lan");
    List<CountingPort> ports = new ArrayList<>();
    List<Wire> wires = new ArrayList<>();
    for (int i = 0; i < portCount; i++) {
      OffloadSet accepts =
          i % 2 == 0
              ? OffloadSet.ALL
              : new OffloadSet(false, false, false, false, false, 300, OffloadSet.MAX_LENGTH);
      CountingPort port = new CountingPort("p" + i, accepts);
      ports.add(port);
      wires.add(new Wire(network.attach(port)));
    }
    long sent = 0;
    for (Round round : rounds) {
      Wire wire = wires.get(round.port);
      for (Sent as : round.frames) {
        Frame frame = wire.add(Sent.address(as.from), Sent.address(as.to), as.length);
        frame.setChecksum(as.checksum);
        if (as.gsoSize >= 0) {
          frame.setGso(GsoType.TCPV4, as.gsoSize);
        }
        sent++;
      }
      wire.send();
    }
    long ingress = 0;
    long egress = 0;
    long badOffload = 0;
    long egressDrops = 0;
    for (CountingPort port : ports) {
      PortCounters counters = port.counters();
      ingress += counters.ingressFrames();
      egress += counters.egressFrames();
      badOffload += counters.drops(DropReason.BAD_OFFLOAD);
      egressDrops +=
          counters.drops(DropReason.TOO_LONG) + counters.drops(DropReason.DELIVERY_FAILED);
    }
    NetworkStatistics statistics = network.statistics();
    assertThat(ingress).isEqualTo(sent);
    assertThat(
            statistics.unicastFrames() + statistics.floodedFrames() + statistics.discardedFrames())
        .isEqualTo(sent);
    // A discard because of a mark is BAD_OFFLOAD too, once; so is a copy that could not be made
    // ready. No frame here has headers that could be completed.
    long copies = statistics.unicastFrames() + statistics.floodedFrames() * (portCount - 1);
    long discardedByReason =
        ports.stream()
            .mapToLong(
                p ->
                    p.counters().drops(DropReason.TOO_SHORT)
                        + p.counters().drops(DropReason.SOURCE_INVALID)
                        + p.counters().drops(DropReason.SAME_PORT)
                        + p.counters().drops(DropReason.NO_EGRESS))
            .sum();
    long marked = statistics.discardedFrames() - discardedByReason;
    assertThat(marked).isNotNegative();
    assertThat(egress + egressDrops + badOffload - marked).isEqualTo(copies);
  }

  @Test
  void portsComeAndGoWhileTwoThreadsForward() throws Exception {
    Network network = new Switch(MacLimits.DEFAULT, System::nanoTime).network("lan");
    CountingPort[] steady = {
      new CountingPort("a", OffloadSet.ALL), new CountingPort("b", OffloadSet.ALL)
    };
    SwitchPort[] attached = {network.attach(steady[0]), network.attach(steady[1])};
    AtomicBoolean done = new AtomicBoolean();
    Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
    AtomicLong[] sent = {new AtomicLong(), new AtomicLong()};
    List<Thread> threads = new ArrayList<>();
    for (int t = 0; t < 2; t++) {
      int own = t;
      threads.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    try {
                      Wire wire = new Wire(attached[own]);
                      long self = 0x1000L + own;
                      long other = 0x1001L - own;
                      while (!done.get()) {
                        for (int i = 0; i < 30; i++) {
                          wire.add(self, i % 10 == 0 ? MacAddress.BROADCAST : other);
                          wire.add(self, 0x2000L + i);
                        }
                        sent[own].addAndGet(60);
                        wire.send();
                      }
                    } catch (Throwable e) {
                      failures.add(e);
                    }
                  }));
    }
    try {
      for (int i = 0; i < 100; i++) {
        CountingPort guest = new CountingPort("guest", OffloadSet.ALL);
        SwitchPort port = network.attach(guest);
        Wire wire = new Wire(port);
        for (int station = 0; station < 30; station++) {
          wire.add(0x2000L + station, 0x1000);
        }
        wire.send();
        long before = sent[i % 2].get();
        while (sent[i % 2].get() == before && failures.isEmpty()) {
          Thread.onSpinWait();
        }
        port.close();
        assertThat(network.addresses()).noneMatch(row -> row.port().equals("guest"));
        wire.ingress().close();
      }
    } finally {
      done.set(true);
      for (Thread thread : threads) {
        thread.join();
      }
    }
    assertThat(failures).isEmpty();
    for (int t = 0; t < 2; t++) {
      // Between the two that stayed, nothing is lost.
      assertThat(steady[t].counters().ingressFrames()).isEqualTo(sent[t].get());
      assertThat(steady[1 - t].counters().egressFrames()).isGreaterThanOrEqualTo(sent[t].get() / 2);
      assertThat(steady[t].counters().drops()).doesNotContainKey(DropReason.DELIVERY_FAILED);
    }
    assertThat(network.statistics().addresses()).isEqualTo(2);
    assertThat(network.ports()).hasSize(2);
  }

  @Test
  void forwardingAllocatesNothing() {
    Network network = new Switch(MacLimits.DEFAULT, () -> 0L).network("lan");
    SwitchPort from = network.attach(new CountingPort("from", OffloadSet.ALL));
    SwitchPort to = network.attach(new CountingPort("to", OffloadSet.NONE));
    try (Arena memory = Arena.ofConfined();
        Ingress ingress = from.openIngress();
        Ingress back = to.openIngress()) {
      FrameArena arena = new FrameArena(memory, 64, 1 << 20);
      FrameBatch batch = new FrameBatch(64);
      fill(arena, batch, 0x2000, 0x1000);
      back.forward(batch);
      Runnable round =
          () -> {
            fill(arena, batch, 0x1000, 0x2000);
            ingress.forward(batch);
          };
      for (int i = 0; i < 20_000; i++) {
        round.run();
      }
      ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
      long self = Thread.currentThread().threadId();
      long before = threads.getThreadAllocatedBytes(self);
      long nothing = threads.getThreadAllocatedBytes(self) - before;
      before = threads.getThreadAllocatedBytes(self);
      for (int i = 0; i < 1000; i++) {
        round.run();
      }
      long allocated = threads.getThreadAllocatedBytes(self) - before - nothing;
      // 64,000 frames; a compilation that is swapped in may cost a few octets once.
      assertThat(allocated).isLessThan(1000);
    }
  }

  /// A round of plain frames to one station, to unknown ones and to all, one with a blank checksum
  /// and one that is to be segmented.
  private static void fill(FrameArena arena, FrameBatch batch, long from, long to) {
    arena.clear();
    batch.clear();
    for (int i = 0; i < 64; i++) {
      boolean segmented = i == 40;
      Frame frame = arena.allocate(segmented ? 4054 : 64);
      long destination = i % 16 == 3 ? MacAddress.BROADCAST : i % 16 == 4 ? to + i : to;
      frame.putU16(0, (int) (destination >> 32));
      frame.putI32(2, (int) destination);
      frame.putU16(6, (int) (from >> 32));
      frame.putI32(8, (int) (from + i % 3));
      frame.putU16(12, 0x88b5);
      if (i == 20 || segmented) {
        frame.putU16(12, 0x0800);
        frame.putU16(14, 0x4500);
        frame.putU16(16, frame.length() - 14);
        frame.putI32(18, 0);
        frame.putU16(22, 0x4006);
        frame.putU8(46, 0x50);
        frame.setChecksum(ChecksumState.BLANK);
        if (segmented) {
          frame.setGso(GsoType.TCPV4, 1000);
        }
      }
      batch.add(frame);
    }
  }
}
