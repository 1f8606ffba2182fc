package org.netback.packet;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;

/// Private memory for the frames of one round: frames are laid one after the other, and all go at
/// once when the arena is cleared for the next round. Nothing is allocated after construction.
///
/// Confined to one thread. The memory lives as long as the Arena it was made from.
public final class FrameArena {
  /// Octets in front of every frame that a port may use for a header of its own (virtio_net_hdr).
  public static final int HEADROOM = 64;

  private static final int ALIGNMENT = 64;

  /// Frames' numbers are dealt out to arenas in blocks, so that threads seldom meet here.
  private static final int BLOCK = 4096;

  private static final AtomicLong NEXT_BLOCK = new AtomicLong(1);

  private final MemorySegment memory;
  private final Frame[] frames;
  private long used;
  private int count;

  /// The number of the first frame, and where those end that are this arena's to give.
  private long firstNumber;

  private long endOfNumbers;

  /// @param frames the most frames at a time
  /// @param octets for all of them, headroom included
  public FrameArena(Arena arena, int frames, long octets) {
    this.memory = arena.allocate(octets, ALIGNMENT);
    this.frames = new Frame[frames];
    // First these, so that the frames, which are touched more often, lie side by side.
    Headers[] headers = new Headers[frames];
    Arrays.setAll(headers, _ -> new Headers());
    for (int i = 0; i < frames; i++) {
      this.frames[i] = new Frame(memory, i, headers[i]);
    }
    takeNumbers();
  }

  private void takeNumbers() {
    int block = Math.max(BLOCK, frames.length);
    firstNumber = NEXT_BLOCK.getAndAdd(block);
    endOfNumbers = firstNumber + block;
  }

  /// Whether a frame of this many octets still fits.
  public boolean fits(int length) {
    return count < frames.length && used + HEADROOM + length <= memory.byteSize();
  }

  /// A new frame whose octets are whatever the memory held before.
  public Frame allocate(int length) {
    if (!fits(length)) {
      throw new IllegalStateException(
          "no room for "
              + length
              + " octets: "
              + count
              + " of "
              + frames.length
              + " frames, "
              + used
              + " of "
              + memory.byteSize()
              + " octets used");
    }
    Frame frame = frames[count].reset(used + HEADROOM, length, firstNumber + count);
    count++;
    used = (used + HEADROOM + length + ALIGNMENT - 1) & -ALIGNMENT;
    return frame;
  }

  /// A frame that is allocated.
  ///
  /// @param index its [Frame#index()]
  public Frame get(int index) {
    return frames[Objects.checkIndex(index, count)];
  }

  /// Makes the frame that was allocated last as long as it turned out to be, and takes what it does
  /// not need back for the next: for who must offer room before the length is known, as to a read.
  public void trimLast(int length) {
    Frame last = frames[count - 1];
    last.truncate(length);
    used = (last.offset() + length + ALIGNMENT - 1) & -ALIGNMENT;
  }

  /// Ends the life of every frame allocated so far.
  public void clear() {
    used = 0;
    firstNumber += count;
    count = 0;
    if (endOfNumbers - firstNumber < frames.length) {
      takeNumbers();
    }
  }
}
