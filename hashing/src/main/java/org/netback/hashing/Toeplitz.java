package org.netback.hashing;

import org.netback.packet.Frame;

/// The Toeplitz hash with one key (io/netif.h, "Toeplitz hash"): each bit of the input that is set
/// adds, without carry, the 32 bits of the key that begin at that bit's position.
///
/// What an octet of the input adds depends on its value and its position alone, so it is looked up:
/// a table of 36 times 256 words per key, made once. And since sums have no order, the parts of an
/// input may be hashed one by one, wherever in a frame they lie, and added with `^`.
///
/// Immutable; any thread.
public final class Toeplitz {
  /// Octets of the longest input.
  public static final int MAX_INPUT = 36;

  private static final int OCTET_VALUES = 256;

  private final int[] sums = new int[MAX_INPUT * OCTET_VALUES];

  public Toeplitz(HashKey key) {
    for (int at = 0; at < MAX_INPUT; at++) {
      for (int octet = 1; octet < OCTET_VALUES; octet++) {
        int bit = 7 - Integer.numberOfTrailingZeros(octet);
        sums[at << 8 | octet] =
            sums[at << 8 | octet & octet - 1] ^ key.window(at * Byte.SIZE + bit);
      }
    }
  }

  /// The part of the hash that some octets of the input add.
  ///
  /// @param position of the first of them in the input
  /// @param at where in the frame they lie
  /// @param length how many, a multiple of 4; with the position at most [#MAX_INPUT]
  public int part(int position, Frame frame, int at, int length) {
    int sum = 0;
    int base = position << 8;
    for (int i = 0; i < length; i += 4) {
      int word = frame.i32(at + i);
      sum ^=
          sums[base | word >>> 24]
              ^ sums[base + 0x100 | word >>> 16 & 0xff]
              ^ sums[base + 0x200 | word >>> 8 & 0xff]
              ^ sums[base + 0x300 | word & 0xff];
      base += 0x400;
    }
    return sum;
  }
}
