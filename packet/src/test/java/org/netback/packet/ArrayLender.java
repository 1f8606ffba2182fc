package org.netback.packet;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/// Lends frames whose octets are in arrays, for tests of those that read frames. What is not
/// private of a frame has other octets in its place, all 0x77, so that reading it shows.
public final class ArrayLender implements FrameLender {
  private final Map<Integer, byte[]> octets = new HashMap<>();
  private boolean lost;
  private int pulls;

  /// A frame of these octets, of which the first few are private.
  ///
  /// @param arena that one alone for each lender
  /// @param head at least [Frame#MIN_LENGTH]; the frame is whole if it is not less than the length
  public Frame lend(FrameArena arena, byte[] of, int head) {
    Frame frame = arena.allocate(of.length);
    int ready = Math.min(head, of.length);
    frame.memory().asSlice(frame.offset(), of.length).fill((byte) 0x77);
    MemorySegment.copy(of, 0, frame.memory(), JAVA_BYTE, frame.offset(), ready);
    if (ready < of.length) {
      octets.put(frame.index(), of);
      frame.lendFrom(ready, this);
    }
    return frame;
  }

  /// From now on no rest can be had.
  public void lose() {
    lost = true;
  }

  /// How many frames were pulled in, torn ones included.
  public int pulls() {
    return pulls;
  }

  @Override
  public void pull(Frame frame) {
    pulls++;
    byte[] of = octets.getOrDefault(frame.index(), new byte[0]);
    if (!lost) {
      int head = frame.head();
      MemorySegment.copy(
          of, head, frame.memory(), JAVA_BYTE, frame.offset() + head, frame.length() - head);
    }
    frame.pulled(!lost);
  }

  @Override
  public void pull(FrameBatch frames, int base, long mask) {
    for (long left = mask; left != 0; left &= left - 1) {
      pull(frames.get(base + Long.numberOfTrailingZeros(left)));
    }
  }
}
