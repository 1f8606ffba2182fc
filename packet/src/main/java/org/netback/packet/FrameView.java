package org.netback.packet;

import java.lang.foreign.MemorySegment;

/// Shows a frame in memory that is not a [FrameArena]'s, without copying it and without an object
/// per frame: there is one frame, laid over other octets by each call. Confined to one thread.
public final class FrameView {
  private final Frame frame;

  /// @param memory in which [FrameArena#HEADROOM] octets before each frame may be written
  public FrameView(MemorySegment memory) {
    frame = new Frame(memory, 0, new Headers());
  }

  public MemorySegment memory() {
    return frame.memory();
  }

  /// The frame at an offset of the memory, with no offload work to be done; the last one is gone.
  public Frame at(long offset, int length) {
    if (offset < FrameArena.HEADROOM || length < 0 || offset + length > memory().byteSize()) {
      throw new IndexOutOfBoundsException(
          length + " octets at " + offset + " of " + memory().byteSize());
    }
    return frame.reset(offset, length, 0);
  }
}
