package org.netback.adapters.tap;

import java.lang.foreign.Arena;
import java.util.Objects;
import org.netback.offload.VirtioNetHeader;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.FrameBatch;
import org.netback.vswitch.DropReason;

/// Reads frames from a [TapQueue] in rounds that are bounded in frames and octets, each frame with
/// one read, and turns the header before it into the frame's metadata.
///
/// Confined to one thread.
public final class TapReader {
  /// One octet more than the longest frame, to tell a longer one from it.
  private static final int ROOM = 0x1_0000;

  private static final int FRAMES = 64;

  /// With room for the largest frame always offered, about half a round of those.
  private static final long OCTETS = 512 * 1024;

  private final TapQueue queue;
  private final FrameArena arena = new FrameArena(Arena.ofAuto(), FRAMES, OCTETS);
  private final FrameBatch frames = new FrameBatch(FRAMES);

  // What was read and is no good frame, and why.
  private final FrameBatch rejects = new FrameBatch(FRAMES);
  private final DropReason[] reasons = new DropReason[FRAMES];
  private int failed;

  /// How a round ended.
  public enum Ending {
    /// No frame waits any more.
    DRAINED,
    /// The round is full; more may wait.
    BUDGET,
    /// The interface exists no more.
    GONE
  }

  public TapReader(TapQueue queue) {
    this.queue = queue;
  }

  /// Forgets the frames of the last round and reads new ones.
  public Ending read() {
    arena.clear();
    frames.clear();
    rejects.clear();
    failed = 0;
    while (arena.fits(ROOM)) {
      Frame frame = arena.allocate(ROOM);
      int length = queue.read(frame);
      if (length == 0) {
        return Ending.DRAINED;
      }
      if (TapQueue.isGone(length)) {
        return Ending.GONE;
      }
      if (length < 0) {
        // Out of memory or interrupted; the event loop comes back to it.
        failed++;
        return Ending.DRAINED;
      }
      arena.trimLast(length);
      if (length < Frame.MIN_LENGTH) {
        reject(frame, DropReason.TOO_SHORT);
      } else if (length == ROOM) {
        reject(frame, DropReason.TOO_LONG);
      } else if (VirtioNetHeader.read(frame) != VirtioNetHeader.Outcome.OK) {
        reject(frame, DropReason.BAD_OFFLOAD);
      } else {
        frames.add(frame);
      }
    }
    return Ending.BUDGET;
  }

  private void reject(Frame frame, DropReason reason) {
    reasons[rejects.size()] = reason;
    rejects.add(frame);
  }

  /// The good frames of the round, valid until the next.
  public FrameBatch frames() {
    return frames;
  }

  /// The others, valid until the next: shorter than an Ethernet header, longer than 65535 octets,
  /// or with a virtio_net_hdr that is not true of them.
  public FrameBatch rejects() {
    return rejects;
  }

  /// What is wrong with one of these.
  ///
  /// @param index of it in [#rejects()]
  public DropReason reason(int index) {
    return reasons[Objects.checkIndex(index, rejects.size())];
  }

  /// Whether a read of the round failed for want of something of the kernel's.
  public int failed() {
    return failed;
  }
}
