package org.netback.capture.filter;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.netback.packet.Frame;

/// A capture filter: a program of classic BPF, as [FilterCompiler] makes it of an expression, that
/// says of a frame how many of its octets to keep. It answers as libpcap's `bpf_filter` does.
///
/// A program is validated before it can run: its jumps stay inside of it, it ends, its memory
/// exists and it never divides by a constant zero. It reads no octet but those of the frame; one
/// that is not there ends the run with "no match", as in libpcap. Two things differ from libpcap:
/// - Octets in front of the frame, where Linux has a packet's direction, interface and VLAN tag on
///   a live capture, are refused: a frame here has none of these.
/// - A run jumps back at most [FilterCode#MAX_JUMPS_BACK] times, so that it always ends. Of
///   libpcap's programs only those of `protochain` jump back, once for each header.
///
/// Immutable; any number of threads may run it at once. A run allocates nothing.
public final class FilterProgram {
  /// The longest program, in instructions, as in Linux (`BPF_MAXINSNS`).
  public static final int MAX_INSTRUCTIONS = 4096;

  /// What a program returns for a frame that it keeps whole: more than any frame has. It is the
  /// snapshot length that tcpdump has by default.
  public static final int WHOLE = 262_144;

  /// Keeps every frame.
  public static final FilterProgram EVERYTHING =
      new FilterProgram((memory, base, captured, length) -> WHOLE, 0);

  private final FilterCode code;
  private final int reach;

  private FilterProgram(FilterCode code, int reach) {
    this.code = code;
    this.reach = reach;
  }

  /// Validates a program.
  ///
  /// @throws FilterException with what is wrong with it
  static FilterProgram of(List<BpfInstruction> program) throws FilterException {
    validate(program);
    return new FilterProgram(
        program.size() <= CompiledCode.MAX_INSTRUCTIONS
            ? CompiledCode.of(program)
            : new InterpretedCode(program),
        FilterReach.of(program));
  }

  /// How many octets of a frame, from the first on, it reads at most; [#WHOLE] if no less can be
  /// said.
  public int reach() {
    return reach;
  }

  /// Judges a frame. If the answer depends on octets that are not private, the frame is pulled in
  /// first ([Frame#pull]), which costs a copy that the frame's receiver may else not have needed;
  /// nothing is read of the sender's memory otherwise. Headers up to TCP's lie in the head of a
  /// partial frame, except behind long options or extension headers; so filters that look at
  /// payload pay for it, and those that look at headers do not.
  ///
  /// @param frame confined to the calling thread
  /// @return how many octets to keep, perhaps more than the frame has; 0 if it does not match. Lost
  ///   octets of a torn frame are zeros, as for any reader of it
  public int run(Frame frame) {
    long kept = code.run(frame.memory(), frame.offset(), frame.head(), frame.length());
    return kept == FilterCode.MISSING ? runPulled(frame) : octets(kept);
  }

  /// From the start again: what was private before is the same, so it comes to the same place.
  private int runPulled(Frame frame) {
    frame.need(frame.length());
    return octets(code.run(frame.memory(), frame.offset(), frame.length(), frame.length()));
  }

  /// Judges octets that are in private memory.
  ///
  /// @param offset of the frame in the memory
  /// @param captured how many of the frame's octets, from the first on, the memory has
  /// @param length octets of the frame, not less than `captured`; what `len` is in an expression
  /// @return how many octets to keep, perhaps more than there are; 0 if the frame does not match
  /// @throws IndexOutOfBoundsException if the memory has fewer octets than it is said to
  public int run(MemorySegment memory, long offset, int captured, int length) {
    long kept = code.run(memory, offset, captured, length);
    return kept == FilterCode.MISSING ? 0 : octets(kept);
  }

  private static int octets(long kept) {
    return (int) Math.min(kept, Integer.MAX_VALUE);
  }

  /// Judges a program as libpcap's `pcap_validate_filter` does, and more strictly.
  ///
  /// @throws FilterException if a run could read or jump out of bounds, fail, or never end
  static void validate(List<BpfInstruction> program) throws FilterException {
    int count = program.size();
    if (count == 0 || count > MAX_INSTRUCTIONS) {
      throw new FilterException(
          "the filter has %d instructions, of 1 to %d".formatted(count, MAX_INSTRUCTIONS));
    }
    for (int at = 0; at < count; at++) {
      BpfInstruction instruction = program.get(at);
      if (instruction.readsFrame() && isKnown(instruction.code()) && instruction.k() < 0) {
        throw new FilterException(
            "the filter reads at offset %d, in front of the frame: inbound, outbound and ifindex"
                    .formatted(instruction.k())
                + " are only of captures on an interface of Linux");
      }
      if (!isValid(instruction, at, count)) {
        throw new FilterException(
            "instruction %d of %d of the filter is not valid: %s"
                .formatted(at, count, instruction));
      }
    }
    if (program.getLast().family() != Bpf.RET) {
      throw new FilterException("the filter does not end with a return");
    }
  }

  private static boolean isValid(BpfInstruction instruction, int at, int count) {
    int k = instruction.k();
    if (!isKnown(instruction.code())) {
      return false;
    }
    if (instruction.usesMemory()) {
      return k >= 0 && k < Bpf.SLOTS;
    }
    long next = at + 1L;
    return switch (instruction.family()) {
      case Bpf.ALU -> instruction.isIndexed() || isOperand(instruction.operation(), k);
      case Bpf.JMP ->
          instruction.operation() == Bpf.JA
              ? next + k >= 0 && next + k < count
              : next + Math.max(instruction.jt(), instruction.jf()) < count;
      default -> true;
    };
  }

  private static boolean isOperand(int operation, int k) {
    return switch (operation) {
      case Bpf.DIV, Bpf.MOD -> k != 0;
      case Bpf.LSH, Bpf.RSH -> k >= 0 && k < Integer.SIZE;
      default -> true;
    };
  }

  private static boolean isKnown(int code) {
    return switch (code) {
      case Bpf.LD | Bpf.ABS | Bpf.W,
          Bpf.LD | Bpf.ABS | Bpf.H,
          Bpf.LD | Bpf.ABS | Bpf.B,
          Bpf.LD | Bpf.IND | Bpf.W,
          Bpf.LD | Bpf.IND | Bpf.H,
          Bpf.LD | Bpf.IND | Bpf.B,
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
          Bpf.RET | Bpf.K,
          Bpf.RET | Bpf.A,
          Bpf.MISC | Bpf.TAX,
          Bpf.MISC | Bpf.TXA ->
          true;
      default -> false;
    };
  }
}
