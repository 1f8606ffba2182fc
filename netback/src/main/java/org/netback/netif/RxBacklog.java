package org.netback.netif;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.FrameView;
import org.netback.packet.GsoType;

/// Private copies of frames that wait to go to a guest, oldest first. Bounded in octets and in
/// frames; its memory is taken with the first frame and given back by [#release].
///
/// Guarded by the lock of its [RxQueue] or [Shaper].
final class RxBacklog {
  /// What all backlogs of a vif may hold together, but that each has [#LEAST_OCTETS]. A guest whose
  /// processor is taken away for some milliseconds is sent that much meanwhile; Linux has 512 KiB
  /// per queue (XSA-392) and up to 32 frames of 64 KiB in the interface's queue before it.
  private static final int VIF_OCTETS = 2 << 20;

  private static final int LEAST_OCTETS = 512 << 10;

  /// Bounds the work of delivering or dropping all of it, however short the frames are.
  static final int MAX_FRAMES = 4096;

  private final int capacity;
  private final int views;
  private @Nullable Memory memory;

  /// Where the oldest frame's record is; the others follow, modulo the capacity.
  private int head;

  private int frames;
  private int octets;

  /// Where the next frame's octets go.
  private int tail;

  /// @param capacity octets
  /// @param views how many frames can be looked at together, a power of two
  RxBacklog(int capacity, int views) {
    this.capacity = capacity;
    this.views = views;
  }

  /// How many octets the backlog of each queue holds.
  ///
  /// @param queues of the vif
  static int capacity(int queues) {
    return Math.max(LEAST_OCTETS, VIF_OCTETS / queues);
  }

  boolean isEmpty() {
    return frames == 0;
  }

  boolean hasMemory() {
    return memory != null;
  }

  int frames() {
    return frames;
  }

  /// Octets of the frames that wait.
  int octets() {
    return octets;
  }

  /// Appends a copy.
  ///
  /// @param frame whole
  /// @param hash of the frame, as the guest has asked for it
  /// @return false if there is no room
  boolean offer(Frame frame, long hash, long now) {
    int length = frame.length();
    Memory m = memory;
    if (m == null) {
      m = new Memory(capacity, views);
      memory = m;
    }
    int at = place(m, length);
    if (at < 0) {
      return false;
    }
    MemorySegment.copy(frame.memory(), frame.offset(), m.octets, FrameArena.HEADROOM + at, length);
    int i = head + frames & MAX_FRAMES - 1;
    m.offsets[i] = at;
    m.lengths[i] = length;
    m.times[i] = now;
    m.checksums[i] = frame.checksum();
    m.gso[i] = frame.gso();
    m.gsoSizes[i] = frame.gsoSize();
    m.hashes[i] = hash;
    m.numbers[i] = frame.number();
    frames++;
    octets += length;
    tail = at + length;
    return true;
  }

  /// A frame's octets lie in one piece, so the end of the memory may stay empty.
  private int place(Memory m, int length) {
    if (frames == 0) {
      return 0;
    }
    if (frames == MAX_FRAMES) {
      return -1;
    }
    int oldest = m.offsets[head];
    if (tail > oldest) {
      if (tail + length <= capacity) {
        return tail;
      }
      return length < oldest ? 0 : -1;
    }
    return tail + length < oldest ? tail : -1;
  }

  /// Forgets the oldest frame.
  void remove() {
    octets -= present().lengths[head];
    head = head + 1 & MAX_FRAMES - 1;
    frames--;
  }

  /// Forgets all frames.
  void clear() {
    frames = 0;
    octets = 0;
    head = 0;
    tail = 0;
  }

  /// Gives the memory back, frames and all.
  void release() {
    clear();
    Memory m = memory;
    if (m != null) {
      memory = null;
      m.arena.close();
    }
  }

  /// The oldest frame, until as many others were asked for as there are views; its octets stay
  /// where they are until one is appended. Nothing may be written in front of it: there is another.
  Frame oldest() {
    return view(present(), head);
  }

  private Frame view(Memory m, int record) {
    Frame frame =
        m.views[record & views - 1].at(FrameArena.HEADROOM + m.offsets[record], m.lengths[record]);
    frame.setNumber(m.numbers[record]);
    frame.setChecksum(m.checksums[record]);
    frame.setGso(m.gso[record], m.gsoSizes[record]);
    return frame;
  }

  /// Where the oldest frame stands: by this, and the number of those removed since, it is found
  /// once more ([#removed]).
  int mark() {
    return head;
  }

  /// A frame that was removed, until one is appended or the memory given back.
  ///
  /// @param mark of the oldest frame at that time
  /// @param index of the frame, counted from the marked one
  Frame removed(int mark, int index) {
    Memory m = memory;
    if (m == null) {
      throw new IllegalStateException("no frame was removed");
    }
    return view(m, mark + index & MAX_FRAMES - 1);
  }

  /// Of the oldest frame, as all that follow: when it came, in the time of [#offer].
  long time() {
    return present().times[head];
  }

  long hash() {
    return present().hashes[head];
  }

  private Memory present() {
    Memory m = memory;
    if (m == null || frames == 0) {
      throw new IllegalStateException("no frame waits");
    }
    return m;
  }

  /// All that is allocated. The octets are touched by whichever loop delivers to the queue.
  private static final class Memory {
    final Arena arena = Arena.ofShared();
    final MemorySegment octets;
    final FrameView[] views;
    final int[] offsets = new int[MAX_FRAMES];
    final int[] lengths = new int[MAX_FRAMES];
    final long[] times = new long[MAX_FRAMES];
    final ChecksumState[] checksums = new ChecksumState[MAX_FRAMES];
    final GsoType[] gso = new GsoType[MAX_FRAMES];
    final int[] gsoSizes = new int[MAX_FRAMES];
    final long[] hashes = new long[MAX_FRAMES];
    final long[] numbers = new long[MAX_FRAMES];

    Memory(int capacity, int count) {
      octets = arena.allocate((long) FrameArena.HEADROOM + capacity);
      views = new FrameView[count];
      for (int i = 0; i < count; i++) {
        views[i] = new FrameView(octets);
      }
    }
  }
}
