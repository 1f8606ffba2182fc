package org.netback.packet;

/// An ordered list of frames that is filled, handed over and cleared again each round. Holds
/// references only; the frames live in their [FrameArena]. Confined to one thread.
public final class FrameBatch {
  private final Frame[] frames;
  private int size;
  private long octets;

  public FrameBatch(int capacity) {
    frames = new Frame[capacity];
  }

  public boolean isEmpty() {
    return size == 0;
  }

  public boolean isFull() {
    return size == frames.length;
  }

  public int size() {
    return size;
  }

  /// Octets of all frames together.
  public long octets() {
    return octets;
  }

  public Frame get(int index) {
    return frames[java.util.Objects.checkIndex(index, size)];
  }

  public void add(Frame frame) {
    frames[size++] = frame;
    octets += frame.length();
  }

  /// Makes some frames whole, or torn, together.
  ///
  /// @param base index of the frame that the mask's lowest bit stands for
  /// @param mask a bit for each frame that is meant
  public void pull(int base, long mask) {
    long partial = 0;
    for (long left = mask; left != 0; left &= left - 1) {
      int i = Long.numberOfTrailingZeros(left);
      partial |= get(base + i).isWhole() ? 0 : 1L << i;
    }
    while (partial != 0) {
      FrameLender lender = get(base + Long.numberOfTrailingZeros(partial)).lender();
      long lent = 0;
      for (long left = partial; left != 0; left &= left - 1) {
        int i = Long.numberOfTrailingZeros(left);
        lent |= get(base + i).lender().equals(lender) ? 1L << i : 0;
      }
      lender.pull(this, base, lent);
      partial &= ~lent;
    }
  }

  public void clear() {
    size = 0;
    octets = 0;
  }
}
