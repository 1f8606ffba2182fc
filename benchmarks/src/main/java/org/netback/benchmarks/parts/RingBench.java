package org.netback.benchmarks.parts;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.io.netif.TxResponse;
import org.netback.xen.ring.BackRing;
import org.netback.xen.ring.FrontRing;
import org.netback.xen.ring.RingViolation;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// A slot of a tx ring, from request to response, 32 at a time, both ends on one thread.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class RingBench {
  private static final int BATCH = 32;

  private final MemorySegment page = Arena.ofAuto().allocate(4096, 4096);
  private final FrontRing front = FrontRing.initialise(page, TxRequest.SIZE);
  private final BackRing back = attach(page);

  private static BackRing attach(MemorySegment page) {
    try {
      return BackRing.attach(page, TxRequest.SIZE);
    } catch (RingViolation e) {
      throw new IllegalStateException(e);
    }
  }

  /// The frontend's part alone cannot be told from this; the backend reads every field.
  @Benchmark
  @OperationsPerInvocation(BATCH)
  public int slot() throws RingViolation {
    for (int i = 0; i < BATCH; i++) {
      TxRequest.write(front.requestSlot(), 9, 0, 0, i, 64);
      front.putRequest();
    }
    boolean notify = front.push();
    int sum = 0;
    int[] slots = back.slots();
    for (int left = back.unconsumedRequests(); left > 0; left--) {
      int slot = back.takeRequest();
      sum +=
          TxRequest.gref(slots, slot)
              + TxRequest.offset(slots, slot)
              + TxRequest.flags(slots, slot)
              + TxRequest.size(slots, slot);
      back.putResponse(TxResponse.word(TxRequest.id(slots, slot), TxResponse.OKAY));
    }
    notify |= back.push();
    for (int left = front.unconsumedResponses(); left > 0; left--) {
      sum += TxResponse.status(front.copyResponse());
    }
    return notify ? sum : -sum;
  }
}
