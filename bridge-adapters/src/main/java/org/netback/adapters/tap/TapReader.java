package org.netback.adapters.tap;

import java.lang.foreign.Arena;
import org.netback.offload.VirtioNetHeader;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.FrameBatch;
import org.netback.packet.Headers;

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
  private final Headers scratch = new Headers();
  private int tooShort;
  private int tooLong;
  private int badOffload;
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
    tooShort = 0;
    tooLong = 0;
    badOffload = 0;
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
        tooShort++;
      } else if (length == ROOM) {
        tooLong++;
      } else if (VirtioNetHeader.read(frame, scratch) != VirtioNetHeader.Outcome.OK) {
        badOffload++;
      } else {
        frames.add(frame);
      }
    }
    return Ending.BUDGET;
  }

  /// The good frames of the round, valid until the next.
  public FrameBatch frames() {
    return frames;
  }

  /// Frames of the round that were shorter than an Ethernet header.
  public int tooShort() {
    return tooShort;
  }

  /// Frames of the round that were longer than 65535 octets.
  public int tooLong() {
    return tooLong;
  }

  /// Frames of the round whose virtio_net_hdr is not true of them.
  public int badOffload() {
    return badOffload;
  }

  /// Whether a read of the round failed for want of something of the kernel's.
  public int failed() {
    return failed;
  }
}
