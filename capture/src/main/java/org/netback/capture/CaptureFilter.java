package org.netback.capture;

import java.lang.foreign.MemorySegment;

/// Which frames a capture takes.
public interface CaptureFilter {
  /// Every frame.
  CaptureFilter ALL =
      new CaptureFilter() {
        @Override
        public int reach() {
          return 0;
        }

        @Override
        public int run(MemorySegment memory, long offset, int captured, int length) {
          return Integer.MAX_VALUE;
        }
      };

  /// How many octets of a frame it reads at most.
  int reach();

  /// @param offset of the frame in the memory
  /// @param captured octets of the frame that are there
  /// @param length of the frame
  /// @return how many octets to keep at most; 0 if it does not match
  int run(MemorySegment memory, long offset, int captured, int length);
}
