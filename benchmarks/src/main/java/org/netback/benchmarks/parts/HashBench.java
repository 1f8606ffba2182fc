package org.netback.benchmarks.parts;

import java.lang.foreign.Arena;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.netback.hashing.HashConfiguration;
import org.netback.hashing.HashKey;
import org.netback.hashing.HashMapping;
import org.netback.hashing.Toeplitz;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
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

/// A frame's Toeplitz hash: alone, and with the search for its input in the frame and the choice of
/// a queue.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class HashBench {
  private static final int FRAMES = 1024;
  private static final int LENGTH = 100;

  @Param({"4", "6"})
  private int ip;

  @Param({"false", "true"})
  private boolean tcp;

  private final Frame[] frames = new Frame[FRAMES];
  private final HashKey key = key();
  private final Toeplitz toeplitz = new Toeplitz(key);
  private final HashConfiguration hashing =
      HashConfiguration.INITIAL
          .withToeplitz(true)
          .withTypes(15)
          .withKey(key)
          .withMapping(HashMapping.zeroed(128));
  private int at;
  private int octets;
  private int next;

  private static HashKey key() {
    byte[] key = new byte[HashKey.MAX_LENGTH];
    new Random(2).nextBytes(key);
    return HashKey.of(key);
  }

  @Setup
  public void fill() {
    boolean six = ip == 6;
    at = six ? 22 : 26;
    octets = (six ? 32 : 8) + (tcp ? 4 : 0);
    FrameArena arena = new FrameArena(Arena.ofAuto(), FRAMES, FRAMES * 256L);
    Random random = new Random(1);
    for (int i = 0; i < FRAMES; i++) {
      frames[i] = frame(arena.allocate(LENGTH), six, random);
    }
  }

  private Frame frame(Frame frame, boolean six, Random random) {
    for (int i = 0; i < LENGTH; i++) {
      frame.putU8(i, random.nextInt());
    }
    PacketHeaders.put(frame, six, tcp);
    return frame;
  }

  private Frame next() {
    next = next + 1 & FRAMES - 1;
    Frame frame = frames[next];
    frame.forgetHeaders();
    return frame;
  }

  @Benchmark
  public int alone() {
    return toeplitz.part(0, next(), at, octets);
  }

  @Benchmark
  public int fromFrameToQueue() {
    return hashing.queue(hashing.hash(next()), 4);
  }
}
