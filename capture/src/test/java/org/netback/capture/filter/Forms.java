package org.netback.capture.filter;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// Both forms of a program, which must agree.
final class Forms {
  private static final int OFFSET = 3;

  private final FilterCode interpreted;
  private final FilterCode compiled;

  Forms(List<BpfInstruction> program) {
    interpreted = new InterpretedCode(program);
    compiled = CompiledCode.of(program);
  }

  /// What they return for a frame. Its octets end where its memory ends, so that a read beyond them
  /// fails.
  ///
  /// @param captured octets that are there of the `length` that the frame had
  long run(byte[] octets, int captured, int length) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate((long) OFFSET + captured);
      MemorySegment.copy(octets, 0, memory, JAVA_BYTE, OFFSET, captured);
      long result = compiled.run(memory, OFFSET, captured, length);
      assertThat(result).isEqualTo(interpreted.run(memory, OFFSET, captured, length));
      return result;
    }
  }

  /// The same in libpcap's terms: what is missing does not match.
  long filter(byte[] octets, int captured, int length) {
    long result = run(octets, captured, length);
    return result == FilterCode.MISSING && captured < length ? 0 : result;
  }
}
