package org.netback.benchmarks.parts;

import java.lang.foreign.Arena;
import java.util.concurrent.TimeUnit;
import org.netback.offload.TcpSegmenter;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.GsoType;
import org.netback.packet.Headers;
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

/// A TCPv4 frame of 65514 octets to segments of 1448 octets of payload, with and without their
/// checksums: per frame, not per segment.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class SegmentationBench {
  private static final int LENGTH = 65514;
  private static final int MSS = 1448;

  @Param({"true", "false"})
  private boolean complete;

  private final Frame frame = new FrameArena(Arena.ofAuto(), 1, 1 << 17).allocate(LENGTH);
  private final FrameArena arena = new FrameArena(Arena.ofAuto(), 64, 1 << 17);
  private final Headers headers = new Headers();
  private final TcpSegmenter segmenter = new TcpSegmenter();

  @Setup
  public void fill() {
    for (int i = 0; i < LENGTH; i++) {
      frame.putU8(i, i * 31);
    }
    PacketHeaders.put(frame, false, true);
    frame.setChecksum(ChecksumState.BLANK);
    frame.setGso(GsoType.TCPV4, MSS);
    if (frame() != (LENGTH - 54 + MSS - 1) / MSS) {
      throw new IllegalStateException("not segmented");
    }
  }

  @Benchmark
  public int frame() {
    arena.clear();
    headers.parse(frame);
    if (segmenter.begin(frame, headers) != TcpSegmenter.Outcome.READY) {
      return 0;
    }
    int segments = 0;
    while (segmenter.hasNext()) {
      Frame _ = segmenter.next(arena, complete);
      segments++;
    }
    return segments;
  }
}
