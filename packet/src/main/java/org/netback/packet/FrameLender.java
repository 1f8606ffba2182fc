package org.netback.packet;

/// Whoever still has octets of frames that are lent before all of them are private: a sender's
/// pages, to be read when it is known where the frame goes. Confined to the thread that the frames
/// belong to.
public interface FrameLender {
  /// Copies what a frame lacks to its place in the frame's memory, and has it know
  /// ([Frame#pulled]).
  ///
  /// @param frame not [Frame#isWhole()]
  void pull(Frame frame);

  /// Does so for several frames at once, which may save work.
  ///
  /// @param base index of the frame that the mask's lowest bit stands for
  /// @param mask a bit for each frame that is meant: lent by this, and not [Frame#isWhole()]
  void pull(FrameBatch frames, int base, long mask);
}
