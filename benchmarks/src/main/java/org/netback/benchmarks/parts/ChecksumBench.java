package org.netback.benchmarks.parts;

import java.lang.foreign.Arena;
import java.util.concurrent.TimeUnit;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.InternetChecksum;
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

/// The Internet checksum of so many octets, and its update for a word that changes.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class ChecksumBench {
  @Param({"20", "64", "1500", "65500"})
  private int octets;

  private final Frame frame = new FrameArena(Arena.ofAuto(), 1, 1 << 17).allocate(65514);

  @Setup
  public void fill() {
    for (int i = 0; i < frame.length(); i++) {
      frame.putU8(i, i * 31);
    }
  }

  @Benchmark
  public int sum() {
    return InternetChecksum.finish(InternetChecksum.sum(frame, 14, octets));
  }
}
