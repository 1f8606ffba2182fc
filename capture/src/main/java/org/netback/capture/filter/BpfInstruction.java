package org.netback.capture.filter;

/// An instruction of classic BPF (pcap/bpf.h, `struct bpf_insn`), 8 octets in the host's order.
///
/// @param code what it does, in [Bpf]'s terms; 16 bits
/// @param jt instructions to skip if a comparison holds; 0 to 255
/// @param jf instructions to skip if it does not; 0 to 255
/// @param k the operand: a constant, an offset in the frame, a slot of the memory, or how many
///   instructions an unconditional jump skips
record BpfInstruction(int code, int jt, int jf, int k) {
  /// Octets of one instruction.
  static final int SIZE = 8;

  /// Any bits give a value; [FilterProgram] judges them.
  static BpfInstruction of(short code, byte jt, byte jf, int k) {
    return new BpfInstruction(code & 0xffff, jt & 0xff, jf & 0xff, k);
  }

  /// The class of the code: [Bpf#LD] to [Bpf#MISC].
  int family() {
    return code & 0x07;
  }

  /// For an arithmetic instruction or a jump, which.
  int operation() {
    return code & 0xf0;
  }

  /// Whether the second operand is the index register, not `k`.
  boolean isIndexed() {
    return (code & Bpf.X) != 0;
  }

  /// Whether it reads octets of the frame.
  boolean readsFrame() {
    int mode = code & 0xe0;
    return family() <= Bpf.LDX && (mode == Bpf.ABS || mode == Bpf.IND || mode == Bpf.MSH);
  }

  /// Whether it reads or writes a slot of the memory.
  boolean usesMemory() {
    return family() <= Bpf.LDX && (code & 0xe0) == Bpf.MEM
        || family() == Bpf.ST
        || family() == Bpf.STX;
  }

  /// Octets of the frame that it reads; only if it [#readsFrame()].
  int width() {
    return switch (code & 0x18) {
      case Bpf.B -> 1;
      case Bpf.H -> 2;
      default -> 4;
    };
  }

  @Override
  public String toString() {
    return "0x%02x, jt %d, jf %d, k 0x%08x".formatted(code, jt, jf, k);
  }
}
