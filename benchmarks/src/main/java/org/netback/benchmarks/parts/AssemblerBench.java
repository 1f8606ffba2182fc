package org.netback.benchmarks.parts;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.netback.netif.TxAssembler;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.TxRequest;
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

/// Slots to a packet: one slot, or sixteen and an extra.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class AssemblerBench {
  private static final int PAGE = 4096;
  private static final int SLOT_WORDS = TxRequest.SIZE / Integer.BYTES;

  @Param({"64", "65514"})
  private int octets;

  private final TxAssembler assembler = new TxAssembler(256);
  private int[] slots = {};

  @Setup
  public void write() {
    int count = (octets + PAGE - 1) / PAGE + (octets > PAGE ? 1 : 0);
    slots = new int[count * SLOT_WORDS];
    int made = 0;
    for (int at = 0; at < octets; at += PAGE) {
      boolean more = at + PAGE < octets;
      boolean gso = at == 0 && more;
      TxRequest.write(
          slot(made),
          9,
          0,
          (more ? TxRequest.MORE_DATA : 0)
              | (gso ? TxRequest.EXTRA_INFO | TxRequest.CSUM_BLANK : 0),
          made,
          at == 0 ? octets : Math.min(PAGE, octets - at));
      made++;
      if (gso) {
        ExtraInfo.writeGso(slot(made++), 0, 1448, ExtraInfo.GSO_TYPE_TCPV4, 0);
      }
    }
  }

  private MemorySegment slot(int number) {
    return MemorySegment.ofArray(slots).asSlice((long) number * TxRequest.SIZE, TxRequest.SIZE);
  }

  @Benchmark
  public int packet() {
    assembler.begin(slots.length / SLOT_WORDS);
    int next = 0;
    do {
      assembler.accept(slots, next);
      next += SLOT_WORDS;
    } while (assembler.wantsSlot());
    return assembler.outcome().ordinal() + assembler.total() + assembler.fragmentCount();
  }
}
