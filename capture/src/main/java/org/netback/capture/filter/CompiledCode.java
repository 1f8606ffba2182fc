package org.netback.capture.filter;

import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.INIT_NAME;
import static java.lang.constant.ConstantDescs.MTD_void;

import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.util.List;
import java.util.stream.Stream;

/// Makes a class of a program, so that the JVM compiles the filter as it compiles any method. The
/// registers are local variables, and so are the slots of the memory.
///
/// The reason is speed. To find that a TCP segment is not `tcp port 80`, thirteen instructions,
/// [InterpretedCode] takes some 40 ns, half of what the backend spends on a frame of 64 octets;
/// this takes 7. The class is hidden, and goes when its filter goes.
final class CompiledCode {
  /// The longest program that is compiled, in instructions. HotSpot leaves methods of more than
  /// 8000 octets of bytecode (`HugeMethodLimit`) to its own interpreter, which is slower than ours.
  static final int MAX_INSTRUCTIONS = 200;

  private static final ClassDesc CODE = FilterCode.class.describeConstable().orElseThrow();
  private static final ClassDesc MEMORY = MemorySegment.class.describeConstable().orElseThrow();
  private static final ClassDesc INTEGER = ConstantDescs.CD_Integer;
  private static final MethodTypeDesc RUN =
      MethodTypeDesc.of(CD_long, MEMORY, CD_long, CD_int, CD_int);
  private static final MethodTypeDesc LOAD = MethodTypeDesc.of(CD_int, MEMORY, CD_long);
  private static final MethodTypeDesc BEYOND = MethodTypeDesc.of(CD_long, CD_long, CD_int);
  private static final MethodTypeDesc BINARY = MethodTypeDesc.of(CD_int, CD_int, CD_int);

  // The parameters of FilterCode.run, and the local variables behind them.
  private static final int SEGMENT = 1;
  private static final int BASE = 2;
  private static final int CAPTURED = 4;
  private static final int LENGTH = 5;
  private static final int A = 6;
  private static final int X = 7;
  private static final int JUMPS_LEFT = 8;
  private static final int START = 9;
  private static final int END = 11;
  private static final int SLOTS = 13;

  private final List<BpfInstruction> program;
  private final CodeBuilder code;
  private final Label[] labels;
  private final Label beyond;
  private final Label noMatch;

  private CompiledCode(List<BpfInstruction> program, CodeBuilder code) {
    this.program = program;
    this.code = code;
    this.labels = Stream.generate(code::newLabel).limit(program.size()).toArray(Label[]::new);
    this.beyond = code.newLabel();
    this.noMatch = code.newLabel();
  }

  /// @param program validated by [FilterProgram]
  static FilterCode of(List<BpfInstruction> program) {
    try {
      return (FilterCode)
          MethodHandles.lookup()
              .defineHiddenClass(classFile(program), true)
              .lookupClass()
              .getDeclaredConstructor()
              .newInstance();
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("no code for a filter of " + program.size() + " instructions", e);
    }
  }

  /// The class, with a method `run` that is the program.
  static byte[] classFile(List<BpfInstruction> program) {
    return ClassFile.of()
        .build(
            ClassDesc.of(CompiledCode.class.getPackageName(), "Filter"),
            type ->
                type.withFlags(ClassFile.ACC_FINAL | ClassFile.ACC_SUPER)
                    .withInterfaceSymbols(CODE)
                    .withMethodBody(
                        INIT_NAME,
                        MTD_void,
                        0,
                        init ->
                            init.aload(0)
                                .invokespecial(ConstantDescs.CD_Object, INIT_NAME, MTD_void)
                                .return_())
                    .withMethodBody(
                        "run",
                        RUN,
                        ClassFile.ACC_PUBLIC,
                        code -> new CompiledCode(program, code).method()));
  }

  private void method() {
    int slots =
        program.stream()
            .filter(BpfInstruction::usesMemory)
            .mapToInt(instruction -> instruction.k() + 1)
            .max()
            .orElse(0);
    code.iconst_0().istore(A).iconst_0().istore(X);
    code.loadConstant(FilterCode.MAX_JUMPS_BACK).istore(JUMPS_LEFT);
    code.lconst_0().lstore(END);
    for (int slot = 0; slot < slots; slot++) {
      code.iconst_0().istore(SLOTS + slot);
    }
    for (int at = 0; at < program.size(); at++) {
      code.labelBinding(labels[at]);
      add(program.get(at), at);
    }
    code.labelBinding(beyond);
    code.lload(END).iload(LENGTH).invokestatic(CODE, "beyond", BEYOND, true).lreturn();
    code.labelBinding(noMatch);
    code.lconst_0().lreturn();
  }

  private void add(BpfInstruction instruction, int at) {
    int k = instruction.k();
    switch (instruction.family()) {
      case Bpf.LD -> load(instruction, A);
      case Bpf.LDX -> load(instruction, X);
      case Bpf.ST -> code.iload(A).istore(SLOTS + k);
      case Bpf.STX -> code.iload(X).istore(SLOTS + k);
      case Bpf.ALU -> compute(instruction);
      case Bpf.JMP -> jump(instruction, at + 1);
      case Bpf.RET -> {
        if ((instruction.code() & 0x18) == Bpf.A) {
          code.iload(A).invokestatic(INTEGER, "toUnsignedLong", MethodTypeDesc.of(CD_long, CD_int));
        } else {
          code.loadConstant(Integer.toUnsignedLong(k));
        }
        code.lreturn();
      }
      default -> {
        if (instruction.operation() == Bpf.TAX) {
          code.iload(A).istore(X);
        } else {
          code.iload(X).istore(A);
        }
      }
    }
  }

  private void load(BpfInstruction instruction, int register) {
    int k = instruction.k();
    switch (instruction.code() & 0xe0) {
      case Bpf.IMM -> code.loadConstant(k);
      case Bpf.LEN -> code.iload(LENGTH);
      case Bpf.MEM -> code.iload(SLOTS + k);
      case Bpf.ABS -> octets(instruction.width(), k);
      case Bpf.IND -> {
        code.iload(X).i2l().loadConstant(0xffff_ffffL).land();
        code.loadConstant((long) k).ladd().lstore(START);
        code.lload(START).loadConstant((long) instruction.width()).ladd().lstore(END);
        checkEnd();
        code.aload(SEGMENT).lload(BASE).lload(START).ladd();
        read(instruction.width());
      }
      default -> {
        octets(1, k);
        code.loadConstant(0xf).iand().iconst_2().ishl();
      }
    }
    code.istore(register);
  }

  /// Puts octets at a constant offset onto the stack.
  private void octets(int width, int k) {
    code.loadConstant((long) k + width).lstore(END);
    checkEnd();
    code.aload(SEGMENT).lload(BASE).loadConstant((long) k).ladd();
    read(width);
  }

  private void checkEnd() {
    code.lload(END).iload(CAPTURED).i2l().lcmp().ifgt(beyond);
  }

  private void read(int width) {
    String name = width == 1 ? "u8" : width == 2 ? "u16" : "i32";
    code.invokestatic(CODE, name, LOAD, true);
  }

  private void compute(BpfInstruction instruction) {
    int operation = instruction.operation();
    boolean indexed = instruction.isIndexed();
    if (indexed && (operation == Bpf.DIV || operation == Bpf.MOD)) {
      code.iload(X).ifeq(noMatch);
    }
    code.iload(A);
    if (operation != Bpf.NEG) {
      operand(instruction);
    }
    switch (operation) {
      case Bpf.ADD -> code.iadd();
      case Bpf.SUB -> code.isub();
      case Bpf.MUL -> code.imul();
      case Bpf.DIV -> code.invokestatic(INTEGER, "divideUnsigned", BINARY);
      case Bpf.MOD -> code.invokestatic(INTEGER, "remainderUnsigned", BINARY);
      case Bpf.OR -> code.ior();
      case Bpf.AND -> code.iand();
      case Bpf.XOR -> code.ixor();
      case Bpf.LSH -> code.invokestatic(CODE, "shiftLeft", BINARY, true);
      case Bpf.RSH -> code.invokestatic(CODE, "shiftRight", BINARY, true);
      default -> code.ineg();
    }
    code.istore(A);
  }

  private void operand(BpfInstruction instruction) {
    if (instruction.isIndexed()) {
      code.iload(X);
    } else {
      code.loadConstant(instruction.k());
    }
  }

  /// @param next index of the instruction behind it
  private void jump(BpfInstruction instruction, int next) {
    if (instruction.operation() == Bpf.JA) {
      if (instruction.k() < 0) {
        code.iinc(JUMPS_LEFT, -1).iload(JUMPS_LEFT).iflt(noMatch);
      }
      code.goto_(labels[next + instruction.k()]);
      return;
    }
    Label holds = labels[next + instruction.jt()];
    code.iload(A);
    operand(instruction);
    switch (instruction.operation()) {
      case Bpf.JEQ -> code.if_icmpeq(holds);
      case Bpf.JGT -> code.invokestatic(INTEGER, "compareUnsigned", BINARY).ifgt(holds);
      case Bpf.JGE -> code.invokestatic(INTEGER, "compareUnsigned", BINARY).ifge(holds);
      default -> code.iand().ifne(holds);
    }
    if (instruction.jf() != 0) {
      code.goto_(labels[next + instruction.jf()]);
    }
  }
}
