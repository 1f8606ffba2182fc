package org.netback.capture.filter;

/// The codes of classic BPF (pcap/bpf.h), which are sums of these. The machine has an accumulator
/// A, an index register X, both of 32 bits, and [#SLOTS] slots of memory.
final class Bpf {
  /// Slots of memory, of 32 bits (`BPF_MEMWORDS`).
  static final int SLOTS = 16;

  // Families.
  static final int LD = 0x00;
  static final int LDX = 0x01;
  static final int ST = 0x02;
  static final int STX = 0x03;
  static final int ALU = 0x04;
  static final int JMP = 0x05;
  static final int RET = 0x06;
  static final int MISC = 0x07;

  // How wide a load is.
  static final int W = 0x00;
  static final int H = 0x08;
  static final int B = 0x10;

  // Where a load reads: a constant, the frame at k, the frame at X + k, the memory, the frame's
  // length, or four times the low nibble of the frame's octet at k (an IPv4 header's length).
  static final int IMM = 0x00;
  static final int ABS = 0x20;
  static final int IND = 0x40;
  static final int MEM = 0x60;
  static final int LEN = 0x80;
  static final int MSH = 0xa0;

  // The second operand of ALU and JMP.
  static final int K = 0x00;
  static final int X = 0x08;

  // Operations of ALU.
  static final int ADD = 0x00;
  static final int SUB = 0x10;
  static final int MUL = 0x20;
  static final int DIV = 0x30;
  static final int OR = 0x40;
  static final int AND = 0x50;
  static final int LSH = 0x60;
  static final int RSH = 0x70;
  static final int NEG = 0x80;
  static final int MOD = 0x90;
  static final int XOR = 0xa0;

  // Operations of JMP.
  static final int JA = 0x00;
  static final int JEQ = 0x10;
  static final int JGT = 0x20;
  static final int JGE = 0x30;
  static final int JSET = 0x40;

  // What RET returns besides k.
  static final int A = 0x10;

  // Operations of MISC.
  static final int TAX = 0x00;
  static final int TXA = 0x80;

  private Bpf() {}
}
