package org.netback.netif;

import java.util.Arrays;
import org.netback.hashing.HashConfiguration;
import org.netback.packet.FrameBatch;

/// Memory of a thread that carries frames to vifs, for one call of [VifPort#transmit].
final class PortScratch {
  /// Frames looked at together: as many as a bit mask has bits.
  static final int CHUNK = 64;

  /// What no guest has asked to be hashed.
  private static final long[] UNHASHED = new long[CHUNK];

  static {
    Arrays.fill(UNHASHED, HashConfiguration.NO_HASH);
  }

  /// By queue, a bit for each frame; all zero between calls.
  final long[] masks = new long[VifSettings.MOST_QUEUES];

  private final long[] hashes = new long[CHUNK];

  /// The hashes of some frames, in the form of [HashConfiguration#hash].
  ///
  /// @return overwritten by the next call
  long[] hash(HashConfiguration hashing, FrameBatch frames, int base, int count) {
    if (!hashing.isOn()) {
      return UNHASHED;
    }
    for (int i = 0; i < count; i++) {
      hashes[i] = hashing.hash(frames.get(base + i));
    }
    return hashes;
  }
}
