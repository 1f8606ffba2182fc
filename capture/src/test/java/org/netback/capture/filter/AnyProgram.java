package org.netback.capture.filter;

import java.util.ArrayList;
import java.util.List;
import org.netback.properties.Sample;

/// Programs of a property's. Those that are valid use all that there is of classic BPF, and more of
/// it than libpcap's compiler emits.
final class AnyProgram {
  private static final Integer[] CODES = {
    Bpf.LD | Bpf.ABS | Bpf.H,
    Bpf.LD | Bpf.ABS | Bpf.B,
    Bpf.LD | Bpf.ABS | Bpf.W,
    Bpf.LD | Bpf.IND | Bpf.H,
    Bpf.LD | Bpf.IND | Bpf.B,
    Bpf.LD | Bpf.IND | Bpf.W,
    Bpf.LD | Bpf.IMM,
    Bpf.LD | Bpf.LEN,
    Bpf.LD | Bpf.MEM,
    Bpf.LDX | Bpf.MSH | Bpf.B,
    Bpf.LDX | Bpf.IMM,
    Bpf.LDX | Bpf.LEN,
    Bpf.LDX | Bpf.MEM,
    Bpf.ST,
    Bpf.STX,
    Bpf.ALU | Bpf.ADD | Bpf.K,
    Bpf.ALU | Bpf.SUB | Bpf.K,
    Bpf.ALU | Bpf.MUL | Bpf.K,
    Bpf.ALU | Bpf.DIV | Bpf.K,
    Bpf.ALU | Bpf.MOD | Bpf.K,
    Bpf.ALU | Bpf.OR | Bpf.K,
    Bpf.ALU | Bpf.AND | Bpf.K,
    Bpf.ALU | Bpf.XOR | Bpf.K,
    Bpf.ALU | Bpf.LSH | Bpf.K,
    Bpf.ALU | Bpf.RSH | Bpf.K,
    Bpf.ALU | Bpf.NEG,
    Bpf.ALU | Bpf.ADD | Bpf.X,
    Bpf.ALU | Bpf.SUB | Bpf.X,
    Bpf.ALU | Bpf.MUL | Bpf.X,
    Bpf.ALU | Bpf.DIV | Bpf.X,
    Bpf.ALU | Bpf.MOD | Bpf.X,
    Bpf.ALU | Bpf.OR | Bpf.X,
    Bpf.ALU | Bpf.AND | Bpf.X,
    Bpf.ALU | Bpf.XOR | Bpf.X,
    Bpf.ALU | Bpf.LSH | Bpf.X,
    Bpf.ALU | Bpf.RSH | Bpf.X,
    Bpf.JMP | Bpf.JA,
    Bpf.JMP | Bpf.JEQ | Bpf.K,
    Bpf.JMP | Bpf.JGT | Bpf.K,
    Bpf.JMP | Bpf.JGE | Bpf.K,
    Bpf.JMP | Bpf.JSET | Bpf.K,
    Bpf.JMP | Bpf.JEQ | Bpf.X,
    Bpf.JMP | Bpf.JGT | Bpf.X,
    Bpf.JMP | Bpf.JGE | Bpf.X,
    Bpf.JMP | Bpf.JSET | Bpf.X,
    Bpf.MISC | Bpf.TAX,
    Bpf.MISC | Bpf.TXA,
    Bpf.RET | Bpf.A,
    Bpf.RET | Bpf.K,
  };

  private AnyProgram() {}

  /// A valid program that jumps forward only and reads no slot of the memory before it was written,
  /// since what libpcap reads there is left over from elsewhere.
  static List<BpfInstruction> valid(Sample sample) {
    List<BpfInstruction> program = new ArrayList<>();
    for (int slot = 0; slot < Bpf.SLOTS; slot++) {
      program.add(new BpfInstruction(Bpf.ST, 0, 0, slot));
    }
    int count = sample.between(0, 40);
    for (int left = count; left > 0; left--) {
      program.add(instruction(sample, left));
    }
    // Whoever comes here says what it has computed.
    program.add(new BpfInstruction(Bpf.RET | Bpf.A, 0, 0, 0));
    return program;
  }

  /// @param left instructions behind this one
  private static BpfInstruction instruction(Sample sample, int left) {
    // A return in the middle hides what is behind it, so it is less frequent than the others.
    int last = CODES.length - (sample.between(0, 3) == 3 ? 1 : 3);
    int code = CODES[sample.between(0, last)];
    BpfInstruction form = new BpfInstruction(code, 0, 0, 0);
    if (form.usesMemory()) {
      return new BpfInstruction(code, 0, 0, sample.between(0, Bpf.SLOTS - 1));
    }
    if (form.readsFrame()) {
      int offset =
          sample.between(0, 9) == 9 ? sample.between(0, Integer.MAX_VALUE) : sample.between(0, 70);
      return new BpfInstruction(code, 0, 0, offset);
    }
    if (form.family() == Bpf.JMP) {
      int most = Math.min(left - 1, 255);
      return form.operation() == Bpf.JA
          ? new BpfInstruction(code, 0, 0, sample.between(0, Math.min(most, 3)))
          : new BpfInstruction(
              code, sample.between(0, most), sample.between(0, most), constant(sample));
    }
    int k = constant(sample);
    if (form.family() == Bpf.ALU && !form.isIndexed()) {
      switch (form.operation()) {
        case Bpf.LSH, Bpf.RSH -> k &= 31;
        case Bpf.DIV, Bpf.MOD -> k = k == 0 ? 1 : k;
        default -> {}
      }
    }
    return new BpfInstruction(code, 0, 0, k);
  }

  private static int constant(Sample sample) {
    return sample.anyBoolean() ? sample.between(0, 64) : sample.anyInt();
  }

  /// Instructions with any codes, mostly known ones, and any operands, mostly likely ones. Most of
  /// these programs are not valid, and of those that are some jump back.
  static List<BpfInstruction> any(Sample sample) {
    int count = sample.between(0, 12);
    List<BpfInstruction> program = new ArrayList<>();
    for (int left = count; left > 0; left--) {
      if (sample.between(0, 3) != 3) {
        program.add(instruction(sample, left));
        continue;
      }
      int code =
          switch (sample.between(0, 3)) {
            case 0 -> sample.between(0, 0xffff);
            case 1 -> Bpf.JMP | Bpf.JA;
            default -> sample.oneOf(CODES);
          };
      boolean near = sample.anyBoolean();
      int k = near ? sample.between(-count, count) : sample.anyInt();
      program.add(
          new BpfInstruction(
              code, sample.between(0, near ? 3 : 255), sample.between(0, near ? 3 : 255), k));
    }
    if (sample.between(0, 4) != 4) {
      program.add(new BpfInstruction(Bpf.RET | Bpf.A, 0, 0, 0));
    }
    return program;
  }
}
