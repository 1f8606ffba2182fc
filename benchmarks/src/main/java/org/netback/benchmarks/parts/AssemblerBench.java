package org.netback.benchmarks.parts;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
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

  @Param({"64", "65514"})
  private int octets;

  private final TxAssembler assembler = new TxAssembler(256);
  private MemorySegment[] slots = {};

  @Setup
  public void write() {
    List<MemorySegment> made = new ArrayList<>();
    for (int at = 0; at < octets; at += PAGE) {
      boolean more = at + PAGE < octets;
      boolean gso = at == 0 && more;
      MemorySegment slot = Arena.ofAuto().allocate(TxRequest.SIZE, 8);
      TxRequest.write(
          slot,
          9,
          0,
          (more ? TxRequest.MORE_DATA : 0)
              | (gso ? TxRequest.EXTRA_INFO | TxRequest.CSUM_BLANK : 0),
          made.size(),
          at == 0 ? octets : Math.min(PAGE, octets - at));
      made.add(slot);
      if (gso) {
        MemorySegment extra = Arena.ofAuto().allocate(TxRequest.SIZE, 8);
        ExtraInfo.writeGso(extra, 0, 1448, ExtraInfo.GSO_TYPE_TCPV4, 0);
        made.add(extra);
      }
    }
    slots = made.toArray(MemorySegment[]::new);
  }

  @Benchmark
  public int packet() {
    assembler.begin(slots.length);
    int next = 0;
    do {
      assembler.accept(slots[next++]);
    } while (assembler.wantsSlot());
    return assembler.outcome().ordinal() + assembler.total() + assembler.fragmentCount();
  }
}
