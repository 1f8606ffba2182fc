package org.netback.benchmarks;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;
import org.netback.hashing.HashConfiguration;
import org.netback.hashing.HashKey;
import org.netback.hashing.HashMapping;
import org.netback.hashing.Toeplitz;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.Headers;

/// What a frame's hash costs, in CPU time of one thread: the hash alone, and with the search for
/// its input in the frame and the choice of a queue. Prints a table in Markdown.
public final class HashCost {
  private static final int FRAMES = 1024;
  private static final int CHUNKS = 41;
  private static final int OPERATIONS = 1 << 20;

  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private final Frame[] frames = new Frame[FRAMES];
  private final Headers headers = new Headers();
  private int sink;

  private HashCost(boolean six, boolean tcp) {
    FrameArena arena = new FrameArena(Arena.ofAuto(), FRAMES, FRAMES * 256L);
    Random random = new Random(1);
    int ip = 14;
    int ports = ip + (six ? 40 : 20);
    for (int i = 0; i < FRAMES; i++) {
      Frame frame = arena.allocate(100);
      for (int at = 0; at < 100; at++) {
        frame.putU8(at, random.nextInt());
      }
      frame.putU16(12, six ? 0x86dd : 0x0800);
      frame.putU8(ip, six ? 0x60 : 0x45);
      if (six) {
        frame.putU16(ip + 4, 46);
        frame.putU8(ip + 6, tcp ? 6 : 17);
      } else {
        frame.putU16(ip + 2, 86);
        frame.putU16(ip + 6, 0);
        frame.putU8(ip + 9, tcp ? 6 : 17);
      }
      if (tcp) {
        frame.putU8(ports + 12, 0x50);
      } else {
        frame.putU16(ports + 4, 40);
      }
      frames[i] = frame;
    }
  }

  public static void main(String[] args) {
    byte[] key = new byte[HashKey.MAX_LENGTH];
    new Random(2).nextBytes(key);
    System.out.println("| input | octets | hash alone, ns | from frame to queue, ns |");
    System.out.println("|---|---|---|---|");
    for (boolean six : new boolean[] {false, true}) {
      for (boolean tcp : new boolean[] {false, true}) {
        HashCost cost = new HashCost(six, tcp);
        int octets = (six ? 32 : 8) + (tcp ? 4 : 0);
        System.out.printf(
            Locale.ROOT,
            "| IPv%d%s | %d | %s | %s |%n",
            six ? 6 : 4,
            tcp ? ", TCP" : "",
            octets,
            cost.alone(new Toeplitz(HashKey.of(key)), six ? 22 : 26, octets),
            cost.whole(
                HashConfiguration.INITIAL
                    .withToeplitz(true)
                    .withTypes(15)
                    .withKey(HashKey.of(key))
                    .withMapping(HashMapping.zeroed(128))));
        if (cost.sink == 42) {
          System.out.println();
        }
      }
    }
  }

  private String alone(Toeplitz toeplitz, int at, int octets) {
    double[] nanos = new double[CHUNKS];
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      long start = threads.getCurrentThreadCpuTime();
      int sum = 0;
      for (int i = 0; i < OPERATIONS; i++) {
        sum ^= toeplitz.part(0, frames[i & FRAMES - 1], at, octets);
      }
      nanos[chunk] = (double) (threads.getCurrentThreadCpuTime() - start) / OPERATIONS;
      sink += sum;
    }
    return figures(nanos);
  }

  private String whole(HashConfiguration hashing) {
    double[] nanos = new double[CHUNKS];
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      long start = threads.getCurrentThreadCpuTime();
      int sum = 0;
      for (int i = 0; i < OPERATIONS; i++) {
        sum += hashing.queue(hashing.hash(frames[i & FRAMES - 1], headers), 4);
      }
      nanos[chunk] = (double) (threads.getCurrentThreadCpuTime() - start) / OPERATIONS;
      sink += sum;
    }
    return figures(nanos);
  }

  /// Minimum and median, of the chunks after the first few.
  private static String figures(double[] nanos) {
    double[] warm = Arrays.copyOfRange(nanos, 8, nanos.length);
    Arrays.sort(warm);
    return String.format(Locale.ROOT, "%.1f / %.1f", warm[0], warm[warm.length / 2]);
  }
}
