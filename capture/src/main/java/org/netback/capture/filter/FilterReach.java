package org.netback.capture.filter;

import java.util.List;

/// How far into a frame a program reads at most. Most of libpcap's programs read at constants, or
/// behind an IPv4 header, whose length they take from the frame: those have a bound.
final class FilterReach {
  /// The longest IPv4 header, which is the most that [Bpf#MSH] gives.
  private static final int LONGEST_HEADER = 60;

  private FilterReach() {}

  /// @param program validated
  static int of(List<BpfInstruction> program) {
    long index = 0;
    for (BpfInstruction each : program) {
      index = Math.max(index, index(each));
    }
    long reach = 0;
    for (BpfInstruction each : program) {
      if (each.readsFrame()) {
        boolean indexed = (each.code() & 0xe0) == Bpf.IND;
        int width = each.family() == Bpf.LDX ? 1 : each.width();
        reach = Math.max(reach, (indexed ? index : 0) + each.k() + width);
      }
    }
    return (int) Math.min(reach, FilterProgram.WHOLE);
  }

  /// The most that an instruction puts into the index register.
  private static long index(BpfInstruction each) {
    if (each.family() == Bpf.MISC && (each.code() & 0xf8) == Bpf.TAX) {
      return FilterProgram.WHOLE;
    }
    if (each.family() != Bpf.LDX) {
      return 0;
    }
    return switch (each.code() & 0xe0) {
      case Bpf.MSH -> LONGEST_HEADER;
      case Bpf.IMM -> each.k() & 0xffff_ffffL;
      default -> FilterProgram.WHOLE;
    };
  }
}
