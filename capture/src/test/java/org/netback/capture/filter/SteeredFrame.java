package org.netback.capture.filter;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import org.netback.packet.AnyFrame;
import org.netback.properties.Sample;

/// Frames that a given program looks at closely: it is followed through one of its paths, and at
/// each comparison the octets that were loaded are made such that the path goes on. So frames match
/// that nothing else would find, and others fail at the last comparison.
final class SteeredFrame {
  private static final int STEPS = 400;

  private final List<BpfInstruction> program;
  private final Sample sample;
  private final ByteBuffer octets;
  private final boolean[] matchable;
  private final int[] slots = new int[Bpf.SLOTS];
  private int a;
  private int x;
  private int loadedAt;
  private int loadedOctets;
  private int mask;

  private SteeredFrame(List<BpfInstruction> program, Sample sample, byte[] octets) {
    this.program = program;
    this.sample = sample;
    this.octets = ByteBuffer.wrap(octets);
    this.matchable = new boolean[program.size()];
  }

  /// A frame's octets, mostly such that the program comes far with them.
  static byte[] octets(List<BpfInstruction> program, Sample sample) {
    byte[] octets =
        sample.anyBoolean()
            ? AnyFrame.octets(sample, 0x00163e000001L, 0x00163e000002L)
            : Arrays.copyOf(sample.octets(0, 60), sample.between(14, 320));
    boolean match = sample.between(0, 3) != 3;
    new SteeredFrame(program, sample, octets).follow(match);
    if (sample.between(0, 5) == 5) {
      octets[sample.between(0, octets.length - 1)] = sample.anyByte();
    }
    return octets;
  }

  private void follow(boolean match) {
    findMatchable(match);
    int pc = 0;
    for (int step = 0; step < STEPS && pc >= 0; step++) {
      pc = after(program.get(pc), pc + 1);
    }
  }

  /// Finds from where the program can come to a return that matches, or to one that does not.
  private void findMatchable(boolean match) {
    for (int pc = program.size() - 1; pc >= 0; pc--) {
      BpfInstruction each = program.get(pc);
      matchable[pc] =
          switch (each.family()) {
            case Bpf.RET -> each.k() != 0 == match;
            case Bpf.JMP ->
                each.operation() == Bpf.JA
                    ? each.k() < 0 || matchable[pc + 1 + each.k()]
                    : matchable[pc + 1 + each.jt()] || matchable[pc + 1 + each.jf()];
            default -> matchable[pc + 1];
          };
    }
  }

  /// @return the next instruction, or -1 at the end
  private int after(BpfInstruction each, int next) {
    int k = each.k();
    switch (each.family()) {
      case Bpf.LD, Bpf.LDX -> {
        if (!load(each)) {
          return -1;
        }
      }
      case Bpf.ALU -> {
        if (each.operation() == Bpf.AND && !each.isIndexed()) {
          a &= k;
          mask &= k;
        } else {
          a = computed(each.operation(), each.isIndexed() ? x : k);
          loadedOctets = 0;
        }
      }
      case Bpf.JMP -> {
        if (each.operation() == Bpf.JA) {
          return next + k;
        }
        boolean mayHold = matchable[next + each.jt()];
        boolean mayFail = matchable[next + each.jf()];
        boolean holds = mayHold && mayFail ? sample.anyBoolean() : mayHold;
        if (loadedOctets > 0 && !each.isIndexed()) {
          store(wanted(each.operation(), k, holds));
          return next + (holds ? each.jt() : each.jf());
        }
        return next + (sample.anyBoolean() ? each.jt() : each.jf());
      }
      case Bpf.MISC -> {
        if (each.operation() == Bpf.TAX) {
          x = a;
        } else {
          a = x;
          loadedOctets = 0;
        }
      }
      case Bpf.ST -> slots[k] = a;
      case Bpf.STX -> slots[k] = x;
      default -> {
        return -1;
      }
    }
    return next;
  }

  private int computed(int operation, int operand) {
    return switch (operation) {
      case Bpf.ADD -> a + operand;
      case Bpf.SUB -> a - operand;
      case Bpf.MUL -> a * operand;
      case Bpf.AND -> a & operand;
      case Bpf.OR -> a | operand;
      case Bpf.LSH -> a << operand;
      case Bpf.RSH -> a >>> operand;
      default -> a;
    };
  }

  private boolean load(BpfInstruction each) {
    int mode = each.code() & 0xe0;
    if (!each.readsFrame()) {
      int value =
          switch (mode) {
            case Bpf.IMM -> each.k();
            case Bpf.MEM -> slots[each.k()];
            default -> octets.capacity();
          };
      if (each.family() == Bpf.LDX) {
        x = value;
      } else {
        a = value;
        loadedOctets = 0;
      }
      return true;
    }
    long at = Integer.toUnsignedLong(mode == Bpf.IND ? x : 0) + each.k();
    if (at > octets.capacity() - each.width()) {
      return false;
    }
    if (mode == Bpf.MSH) {
      octets.put((int) at, (byte) (0x40 + sample.oneOf(5, 5, 6, 15, 0)));
      x = 4 * (octets.get((int) at) & 0xf);
      return true;
    }
    loadedAt = (int) at;
    loadedOctets = each.width();
    mask = -1;
    a = value();
    return true;
  }

  private int value() {
    return switch (loadedOctets) {
      case 1 -> octets.get(loadedAt) & 0xff;
      case 2 -> octets.getShort(loadedAt) & 0xffff;
      default -> octets.getInt(loadedAt);
    };
  }

  private int wanted(int operation, int k, boolean holds) {
    return switch (operation) {
      case Bpf.JEQ -> holds ? k : a == k ? a ^ sample.oneOf(1, 0x10, 0x80) : a;
      case Bpf.JGT -> holds ? k + sample.between(1, 9) : k - sample.between(0, 3);
      case Bpf.JGE -> holds ? k + sample.between(0, 9) : k - sample.between(1, 3);
      default -> holds ? a | k & sample.oneOf(-1, 0x55555555, 0xaaaaaaaa, 1) : a & ~k;
    };
  }

  private void store(int wanted) {
    int value = value() & ~mask | wanted & mask;
    switch (loadedOctets) {
      case 1 -> octets.put(loadedAt, (byte) value);
      case 2 -> octets.putShort(loadedAt, (short) value);
      default -> octets.putInt(loadedAt, value);
    }
    a = value & mask;
  }
}
