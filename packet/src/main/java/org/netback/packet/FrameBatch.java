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

  public void clear() {
    size = 0;
    octets = 0;
  }
}
