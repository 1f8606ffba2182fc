package org.netback.benchmarks.parts;

import java.lang.foreign.Arena;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.FrameBatch;
import org.netback.packet.OffloadSet;
import org.netback.vswitch.Ingress;
import org.netback.vswitch.MacLimits;
import org.netback.vswitch.Network;
import org.netback.vswitch.Port;
import org.netback.vswitch.PortTraffic;
import org.netback.vswitch.Switch;
import org.netback.vswitch.SwitchPort;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// A frame through the switch, in rounds of 32: the source seen, the destination looked up in a
/// table of so many stations, the frame handed to the port. Every frame is to another station, in
/// no order that the processor could foresee.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class SwitchBench {
  private static final int BATCH = 32;
  private static final int ROUNDS = 1 << 12;
  private static final long STATIONS = 0x0016_3e00_0000L;
  private static final long SENDER = 0x0016_3fff_0001L;

  @Param({"1", "10", "10000", "100000"})
  private int stations;

  private final Silent receiver = new Silent("receiver");
  private final FrameBatch batch = new FrameBatch(BATCH);
  private final FrameArena arena = new FrameArena(Arena.ofAuto(), BATCH, BATCH * 256L);
  private final int[] order = new int[BATCH * ROUNDS];
  private final Network network =
      new Switch(new MacLimits(1 << 18, 1 << 18, Duration.ofDays(1)), System::nanoTime)
          .network("bench");
  private final Ingress ingress = network.attach(new Silent("sender")).openIngress();
  private final SwitchPort to = network.attach(receiver);
  private int next;

  @Setup
  public void learn() {
    for (int i = 0; i < BATCH; i++) {
      Frame frame = arena.allocate(64);
      frame.octets().fill((byte) 0);
      put(frame, 6, SENDER);
      batch.add(frame);
    }
    try (Ingress learning = to.openIngress()) {
      FrameBatch one = new FrameBatch(1);
      Frame frame = new FrameArena(Arena.ofAuto(), 1, 256).allocate(64);
      frame.octets().fill((byte) 0);
      put(frame, 0, SENDER);
      one.add(frame);
      for (int i = 0; i < stations; i++) {
        put(frame, 6, STATIONS + i);
        learning.forward(one);
      }
    }
    if (network.statistics().addresses() < stations) {
      throw new IllegalStateException("not all stations are known");
    }
    Random random = new Random(1);
    for (int i = 0; i < order.length; i++) {
      order[i] = random.nextInt(stations);
    }
  }

  private static void put(Frame frame, int at, long address) {
    frame.putU16(at, (int) (address >>> 32));
    frame.putI32(at + 2, (int) address);
  }

  @Benchmark
  @OperationsPerInvocation(BATCH)
  public long frame() {
    for (int i = 0; i < BATCH; i++) {
      put(batch.get(i), 0, STATIONS + order[next + i]);
    }
    next = next + BATCH & order.length - 1;
    ingress.forward(batch);
    return receiver.frames;
  }

  /// Takes frames and does nothing with them.
  private static final class Silent implements Port {
    private final String name;
    private final PortTraffic traffic = new PortTraffic();
    private long frames;

    Silent(String name) {
      this.name = name;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public OffloadSet accepts() {
      return OffloadSet.NONE;
    }

    @Override
    public void transmit(FrameBatch batch) {
      frames += batch.size();
    }

    @Override
    public PortTraffic traffic() {
      return traffic;
    }
  }
}
