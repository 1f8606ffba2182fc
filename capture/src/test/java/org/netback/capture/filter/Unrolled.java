package org.netback.capture.filter;

import java.util.ArrayList;
import java.util.List;

/// A program that jumps back at most so many times as it may, without any jump back: so libpcap's
/// run of it ends, and ends as ours of the original.
final class Unrolled {
  private Unrolled() {}

  /// The program itself if it does not jump back.
  static List<BpfInstruction> of(List<BpfInstruction> program) {
    if (program.stream().noneMatch(Unrolled::jumpsBack)) {
      return program;
    }
    int count = program.size();
    int copies = FilterCode.MAX_JUMPS_BACK + 1;
    List<BpfInstruction> unrolled = new ArrayList<>();
    for (int copy = 0; copy < copies; copy++) {
      for (int at = 0; at < count; at++) {
        BpfInstruction each = program.get(at);
        if (jumpsBack(each)) {
          // To the same place in the next copy; in the last one to the end.
          int skipped = copy < copies - 1 ? count + each.k() : count - 1 - at;
          each = new BpfInstruction(each.code(), 0, 0, skipped);
        }
        unrolled.add(each);
      }
    }
    unrolled.add(new BpfInstruction(Bpf.RET | Bpf.K, 0, 0, 0));
    return unrolled;
  }

  private static boolean jumpsBack(BpfInstruction instruction) {
    return instruction.code() == (Bpf.JMP | Bpf.JA) && instruction.k() < 0;
  }
}
