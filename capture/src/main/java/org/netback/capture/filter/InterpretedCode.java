package org.netback.capture.filter;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/// Interprets a program, some 3 ns for each instruction. It runs the programs that are too long for
/// [CompiledCode].
final class InterpretedCode implements FilterCode {
  /// The memory of a run, one for each thread since a run allocates nothing.
  private static final ThreadLocal<int[]> MEMORY =
      ThreadLocal.withInitial(() -> new int[Bpf.SLOTS]);

  private static final int[] NO_MEMORY = {};

  /// An instruction each: from the lowest bit on 16 of its code, 8 each of jt and jf, 32 of k.
  private final long[] code;

  private final boolean usesMemory;

  /// @param program validated by [FilterProgram]
  InterpretedCode(List<BpfInstruction> program) {
    code =
        program.stream()
            .mapToLong(
                i -> (long) i.k() << 32 | (long) i.jf() << 24 | (long) i.jt() << 16 | i.code())
            .toArray();
    usesMemory = program.stream().anyMatch(BpfInstruction::usesMemory);
  }

  @Override
  public long run(MemorySegment memory, long base, int captured, int length) {
    int[] slots = NO_MEMORY;
    if (usesMemory) {
      slots = MEMORY.get();
      Arrays.fill(slots, 0);
    }
    int a = 0;
    int x = 0;
    int jumpsBack = 0;
    int pc = 0;
    while (true) {
      long instruction = code[pc++];
      int k = (int) (instruction >>> 32);
      long at;
      switch ((int) instruction & 0xffff) {
        case Bpf.RET | Bpf.K -> {
          return Integer.toUnsignedLong(k);
        }
        case Bpf.RET | Bpf.A -> {
          return Integer.toUnsignedLong(a);
        }

        case Bpf.LD | Bpf.ABS | Bpf.W -> {
          if (k > captured - 4) {
            return FilterCode.beyond(k + 4L, length);
          }
          a = FilterCode.i32(memory, base + k);
        }
        case Bpf.LD | Bpf.ABS | Bpf.H -> {
          if (k > captured - 2) {
            return FilterCode.beyond(k + 2L, length);
          }
          a = FilterCode.u16(memory, base + k);
        }
        case Bpf.LD | Bpf.ABS | Bpf.B -> {
          if (k > captured - 1) {
            return FilterCode.beyond(k + 1L, length);
          }
          a = FilterCode.u8(memory, base + k);
        }
        case Bpf.LD | Bpf.IND | Bpf.W -> {
          at = Integer.toUnsignedLong(x) + k;
          if (at > captured - 4) {
            return FilterCode.beyond(at + 4, length);
          }
          a = FilterCode.i32(memory, base + at);
        }
        case Bpf.LD | Bpf.IND | Bpf.H -> {
          at = Integer.toUnsignedLong(x) + k;
          if (at > captured - 2) {
            return FilterCode.beyond(at + 2, length);
          }
          a = FilterCode.u16(memory, base + at);
        }
        case Bpf.LD | Bpf.IND | Bpf.B -> {
          at = Integer.toUnsignedLong(x) + k;
          if (at > captured - 1) {
            return FilterCode.beyond(at + 1, length);
          }
          a = FilterCode.u8(memory, base + at);
        }
        case Bpf.LDX | Bpf.MSH | Bpf.B -> {
          if (k > captured - 1) {
            return FilterCode.beyond(k + 1L, length);
          }
          x = (FilterCode.u8(memory, base + k) & 0xf) << 2;
        }

        case Bpf.LD | Bpf.IMM -> a = k;
        case Bpf.LD | Bpf.LEN -> a = length;
        case Bpf.LD | Bpf.MEM -> a = slots[k];
        case Bpf.LDX | Bpf.IMM -> x = k;
        case Bpf.LDX | Bpf.LEN -> x = length;
        case Bpf.LDX | Bpf.MEM -> x = slots[k];
        case Bpf.ST -> slots[k] = a;
        case Bpf.STX -> slots[k] = x;
        case Bpf.MISC | Bpf.TAX -> x = a;
        case Bpf.MISC | Bpf.TXA -> a = x;

        case Bpf.ALU | Bpf.ADD | Bpf.K -> a += k;
        case Bpf.ALU | Bpf.SUB | Bpf.K -> a -= k;
        case Bpf.ALU | Bpf.MUL | Bpf.K -> a *= k;
        case Bpf.ALU | Bpf.DIV | Bpf.K -> a = Integer.divideUnsigned(a, k);
        case Bpf.ALU | Bpf.MOD | Bpf.K -> a = Integer.remainderUnsigned(a, k);
        case Bpf.ALU | Bpf.OR | Bpf.K -> a |= k;
        case Bpf.ALU | Bpf.AND | Bpf.K -> a &= k;
        case Bpf.ALU | Bpf.XOR | Bpf.K -> a ^= k;
        case Bpf.ALU | Bpf.LSH | Bpf.K -> a <<= k;
        case Bpf.ALU | Bpf.RSH | Bpf.K -> a >>>= k;
        case Bpf.ALU | Bpf.NEG -> a = -a;

        case Bpf.ALU | Bpf.ADD | Bpf.X -> a += x;
        case Bpf.ALU | Bpf.SUB | Bpf.X -> a -= x;
        case Bpf.ALU | Bpf.MUL | Bpf.X -> a *= x;
        case Bpf.ALU | Bpf.DIV | Bpf.X -> {
          if (x == 0) {
            return 0;
          }
          a = Integer.divideUnsigned(a, x);
        }
        case Bpf.ALU | Bpf.MOD | Bpf.X -> {
          if (x == 0) {
            return 0;
          }
          a = Integer.remainderUnsigned(a, x);
        }
        case Bpf.ALU | Bpf.OR | Bpf.X -> a |= x;
        case Bpf.ALU | Bpf.AND | Bpf.X -> a &= x;
        case Bpf.ALU | Bpf.XOR | Bpf.X -> a ^= x;
        case Bpf.ALU | Bpf.LSH | Bpf.X -> a = FilterCode.shiftLeft(a, x);
        case Bpf.ALU | Bpf.RSH | Bpf.X -> a = FilterCode.shiftRight(a, x);

        case Bpf.JMP | Bpf.JA -> {
          if (k < 0 && jumpsBack++ == MAX_JUMPS_BACK) {
            return 0;
          }
          pc += k;
        }
        case Bpf.JMP | Bpf.JEQ | Bpf.K -> pc += skip(instruction, a == k);
        case Bpf.JMP | Bpf.JGT | Bpf.K ->
            pc += skip(instruction, Integer.compareUnsigned(a, k) > 0);
        case Bpf.JMP | Bpf.JGE | Bpf.K ->
            pc += skip(instruction, Integer.compareUnsigned(a, k) >= 0);
        case Bpf.JMP | Bpf.JSET | Bpf.K -> pc += skip(instruction, (a & k) != 0);
        case Bpf.JMP | Bpf.JEQ | Bpf.X -> pc += skip(instruction, a == x);
        case Bpf.JMP | Bpf.JGT | Bpf.X ->
            pc += skip(instruction, Integer.compareUnsigned(a, x) > 0);
        case Bpf.JMP | Bpf.JGE | Bpf.X ->
            pc += skip(instruction, Integer.compareUnsigned(a, x) >= 0);
        case Bpf.JMP | Bpf.JSET | Bpf.X -> pc += skip(instruction, (a & x) != 0);

        default -> throw new IllegalStateException("instruction " + (pc - 1) + " is not validated");
      }
    }
  }

  private static int skip(long instruction, boolean holds) {
    return (int) (instruction >>> (holds ? 16 : 24)) & 0xff;
  }
}
