package org.netback.capture.filter;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.pcap4j.core.BpfProgram;
import org.pcap4j.core.BpfProgram.BpfCompileMode;
import org.pcap4j.core.NotOpenException;
import org.pcap4j.core.PcapHandle;
import org.pcap4j.core.PcapNativeException;
import org.pcap4j.core.Pcaps;
import org.pcap4j.packet.namednumber.DataLinkType;

/// Compiles expressions of pcap-filter(7) for Ethernet frames, by libpcap.
///
/// libpcap is loaded when the first expression that is not empty is compiled. Names of hosts in an
/// expression are looked up by the C library, which may wait for a name server: not for a thread
/// that carries frames. Pcap4J lets one thread compile at a time.
public final class FilterCompiler {
  /// The longest expression, in characters. libpcap's optimiser takes time with the cube of an
  /// expression's primitives (3.9 s for 400 ports in 2,042 characters, 65 s for 1,000 hosts) and
  /// recurses: 3,000 hosts overflow the thread's stack, which ends the process.
  public static final int MAX_LENGTH = 2048;

  /// An address that nobody types, and that libpcap's scanner refuses by itself with this message.
  private static final String BOGUS = "b:0:9:0:5:";

  private static final String BOGUS_MESSAGE = "bogus ethernet address " + BOGUS;

  /// Where an expression may be cut: between names and numbers, operators, and brackets.
  private static final Pattern PIECE = Pattern.compile("[\\w.:\\\\-]+|[&|<>=!]+|\\S");

  /// A name that a message repeats of the expression.
  private static final Pattern REPEATED = Pattern.compile("'([^']+)'");

  private FilterCompiler() {}

  /// The program of an expression. An empty one matches every frame, and needs no libpcap.
  ///
  /// @throws FilterException if libpcap does not take the expression, with its message and the
  ///   place; if the expression asks for what a frame here does not have; or if there is no libpcap
  public static FilterProgram compile(String expression) throws FilterException {
    if (expression.isBlank()) {
      return FilterProgram.EVERYTHING;
    }
    if (expression.length() > MAX_LENGTH) {
      throw new FilterException(
          "the filter has %d characters, at most %d".formatted(expression.length(), MAX_LENGTH));
    }
    int nul = expression.indexOf('\0');
    if (nul >= 0) {
      throw new FilterException("the filter has a NUL at character " + (nul + 1), nul);
    }
    requireLibpcap();
    List<BpfInstruction> program;
    try {
      program = instructions(expression);
    } catch (PcapNativeException e) {
      throw placed(expression, message(e));
    } catch (LinkageError e) {
      throw new FilterException(
          "a filter needs libpcap, and what is installed under its name cannot be used: "
              + e.getMessage());
    }
    return FilterProgram.of(program);
  }

  /// Pcap4J looks for the library in a static initializer, which fails once and for all; this may
  /// fail, and succeed after libpcap was installed.
  private static void requireLibpcap() throws FilterException {
    String name = System.getProperty("org.pcap4j.core.pcapLibName", "pcap");
    try {
      NativeLibrary.getInstance(name);
    } catch (UnsatisfiedLinkError e) {
      throw new FilterException(
          "a filter needs libpcap, which is not installed here (on Debian: apt-get install"
              + " libpcap0.8); captures without a filter do not need it");
    }
  }

  /// The program that libpcap makes of an expression, as it is.
  static List<BpfInstruction> instructions(String expression) throws PcapNativeException {
    try (PcapHandle handle = Pcaps.openDead(DataLinkType.EN10MB, FilterProgram.WHOLE)) {
      BpfProgram program =
          handle.compileFilter(
              expression, BpfCompileMode.OPTIMIZE, PcapHandle.PCAP_NETMASK_UNKNOWN);
      try {
        return Struct.instructions(program);
      } finally {
        program.free();
      }
    } catch (NotOpenException e) {
      throw new IllegalStateException("libpcap's handle is closed", e);
    }
  }

  private static String message(PcapNativeException e) {
    String message = e.getMessage();
    return message == null || message.isEmpty() ? "libpcap gives no reason" : message;
  }

  /// libpcap's message with the place of the error, which libpcap does not tell. A name is looked
  /// for by its text, since it should not be looked up again.
  private static FilterException placed(String expression, String message) {
    List<MatchResult> pieces = PIECE.matcher(expression).results().toList();
    int piece = repeated(pieces, message);
    if (piece < 0) {
      if (!isParsed("")) {
        // A libpcap whose scanner says it in other words.
        return new FilterException(message);
      }
      piece = parsed(expression, pieces);
    }
    if (piece == pieces.size()) {
      return new FilterException(message + " at the end of the filter", expression.length());
    }
    MatchResult wrong = pieces.get(piece);
    return new FilterException(
        "%s at character %d of the filter, \"%s\""
            .formatted(message, wrong.start() + 1, wrong.group()),
        wrong.start());
  }

  /// The first piece that a message repeats, or -1.
  private static int repeated(List<MatchResult> pieces, String message) {
    Matcher name = REPEATED.matcher(message);
    if (name.find()) {
      for (int i = 0; i < pieces.size(); i++) {
        if (pieces.get(i).group().equals(name.group(1))) {
          return i;
        }
      }
    }
    return -1;
  }

  /// How many pieces libpcap takes before it finds the error. The parser reads one piece after the
  /// other and stops at the first that cannot follow; so a bogus address behind some pieces is
  /// complained about only if all of these are in order.
  private static int parsed(String expression, List<MatchResult> pieces) {
    int good = 0;
    int bad = pieces.size() + 1;
    while (bad - good > 1) {
      int count = (good + bad) >>> 1;
      int end = pieces.get(count - 1).end();
      if (isParsed(expression.substring(0, end))) {
        good = count;
      } else {
        bad = count;
      }
    }
    return good;
  }

  private static boolean isParsed(String start) {
    try {
      instructions(start + ' ' + BOGUS);
      return true;
    } catch (PcapNativeException e) {
      return message(e).equals(BOGUS_MESSAGE);
    }
  }

  /// Reads the native program out of Pcap4J's object, which has no method for that: its struct is
  /// not public. The alternative, to call `pcap_compile` past Pcap4J, would have two owners of the
  /// library's handles and locks.
  private static final class Struct {
    private static final MethodHandle PROGRAM = program();

    private static MethodHandle program() {
      try {
        Class<?> struct = Class.forName("org.pcap4j.core.NativeMappings$bpf_program");
        return MethodHandles.privateLookupIn(BpfProgram.class, MethodHandles.lookup())
            .findVirtual(BpfProgram.class, "getProgram", MethodType.methodType(struct))
            .asType(MethodType.methodType(Structure.class, BpfProgram.class));
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException(
            "this Pcap4J is not the one that netback was built with", e);
      }
    }

    /// @param program not freed
    static List<BpfInstruction> instructions(BpfProgram program) {
      // struct bpf_program: u_int bf_len; struct bpf_insn *bf_insns.
      Pointer struct = struct(program).getPointer();
      int count = struct.getInt(0);
      Pointer first = struct.getPointer(Native.POINTER_SIZE);
      List<BpfInstruction> instructions = new ArrayList<>(count);
      for (long at = 0; at < (long) count * BpfInstruction.SIZE; at += BpfInstruction.SIZE) {
        instructions.add(
            BpfInstruction.of(
                first.getShort(at),
                first.getByte(at + 2),
                first.getByte(at + 3),
                first.getInt(at + 4)));
      }
      return instructions;
    }

    private static Structure struct(BpfProgram program) {
      try {
        return (Structure) PROGRAM.invokeExact(program);
      } catch (Throwable e) {
        throw new IllegalStateException("Pcap4J does not hand out its program", e);
      }
    }
  }
}
