package org.netback.benchmarks.parts;

import java.lang.foreign.Arena;
import java.util.concurrent.TimeUnit;
import org.netback.offload.Admission;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.GsoType;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// What a frame costs that leaves its checksum, or its segmentation too, to its receiver: its
/// headers are judged and put in order. TCP; the length of the payload does not matter.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class AdmissionBench {
  private static final int FRAMES = 32;
  private static final int LENGTH = 9014;

  @Param({"false", "true"})
  private boolean ipv6;

  @Param({"false", "true"})
  private boolean segmented;

  private final FrameArena arena = new FrameArena(Arena.ofAuto(), FRAMES, 1 << 20);
  private final Frame[] frames = new Frame[FRAMES];
  private int next;

  @Setup
  public void fill() {
    for (int i = 0; i < FRAMES; i++) {
      Frame frame = arena.allocate(LENGTH);
      frame.octets().fill((byte) 0);
      PacketHeaders.put(frame, ipv6, true);
      frame.setChecksum(ChecksumState.BLANK);
      if (segmented) {
        frame.setGso(ipv6 ? GsoType.TCPV6 : GsoType.TCPV4, 1448);
      }
      frames[i] = frame;
    }
    if (!frame()) {
      throw new IllegalStateException("not admitted");
    }
  }

  @Benchmark
  public boolean frame() {
    next = next + 1 & FRAMES - 1;
    frames[next].forgetHeaders();
    return Admission.admit(frames[next]);
  }
}
