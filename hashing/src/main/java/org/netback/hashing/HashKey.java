package org.netback.hashing;

import java.util.Arrays;

/// The key of a Toeplitz hash: up to 40 octets, of which those not given are zero. Immutable.
///
/// 40 octets are what the longest input needs: 36 of its own and 4 for the hash's width.
public final class HashKey {
  public static final int MAX_LENGTH = 40;

  /// Hashes everything to 0.
  public static final HashKey EMPTY = new HashKey(new byte[0]);

  private final byte[] octets;

  private HashKey(byte[] given) {
    octets = Arrays.copyOf(given, MAX_LENGTH);
  }

  /// @throws IllegalArgumentException if there are more than [#MAX_LENGTH] octets
  public static HashKey of(byte... octets) {
    if (octets.length > MAX_LENGTH) {
      throw new IllegalArgumentException("a hash key of " + octets.length + " octets");
    }
    return new HashKey(octets);
  }

  /// 32 bits of the key.
  ///
  /// @param bit the first one, 0 to 287; 0 is the most significant bit of the first octet
  int window(int bit) {
    long five = 0;
    int first = bit >>> 3;
    for (int i = first; i < first + 5; i++) {
      five = five << 8 | octets[i] & 0xff;
    }
    return (int) (five >>> 8 - (bit & 7));
  }
}
