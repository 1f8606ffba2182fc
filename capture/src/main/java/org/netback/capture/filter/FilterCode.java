package org.netback.capture.filter;

import static java.nio.ByteOrder.BIG_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// A validated program in a form that runs. Immutable and without state: any number of threads may
/// run it at once.
///
/// The static methods are what both forms do alike; [CompiledCode]'s classes call them.
interface FilterCode {
  /// Octets of the frame are missing that the answer depends on: the frame has them, the memory
  /// does not.
  long MISSING = -1;

  /// How many times a run may jump back. Programs of libpcap do so once for each header of a chain
  /// (`protochain`). A guest chooses how long its chains are; and there are frames with an
  /// authentication header in which the program of libpcap 1.10 goes round for ever. A run that
  /// would jump back once more does not match.
  int MAX_JUMPS_BACK = 64;

  ValueLayout.OfInt INT_BE = ValueLayout.JAVA_INT_UNALIGNED.withOrder(BIG_ENDIAN);
  ValueLayout.OfShort SHORT_BE = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(BIG_ENDIAN);

  /// Runs the program on one frame and allocates nothing.
  ///
  /// @param base where in the memory the frame begins
  /// @param captured how many of its octets, from the first on, the memory has
  /// @param length octets of the frame, not less than `captured`
  /// @return octets to keep, an unsigned number of 32 bits, 0 if the frame does not match; or
  ///   [#MISSING]
  long run(MemorySegment memory, long base, int captured, int length);

  /// What a run ends with that reads octets which the memory does not have.
  ///
  /// @param end of the octets, their offset in the frame
  static long beyond(long end, int length) {
    return end > length ? 0 : MISSING;
  }

  static int u8(MemorySegment memory, long at) {
    return memory.get(ValueLayout.JAVA_BYTE, at) & 0xff;
  }

  static int u16(MemorySegment memory, long at) {
    return memory.get(SHORT_BE, at) & 0xffff;
  }

  static int i32(MemorySegment memory, long at) {
    return memory.get(INT_BE, at);
  }

  /// Both numbers are unsigned.
  static int shiftLeft(int value, int bits) {
    return bits >= 0 && bits < 32 ? value << bits : 0;
  }

  /// Both numbers are unsigned.
  static int shiftRight(int value, int bits) {
    return bits >= 0 && bits < 32 ? value >>> bits : 0;
  }
}
