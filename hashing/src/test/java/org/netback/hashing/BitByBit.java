package org.netback.hashing;

import java.math.BigInteger;
import java.util.Arrays;

/// The hash written as io/netif.h and Microsoft define it, one bit at a time, as a judge of the
/// fast one: the key is one long number that moves left by a bit for each bit of the input.
final class BitByBit {
  /// The key of Microsoft's published vectors.
  static final byte[] MICROSOFT_KEY = {
    0x6d,
    0x5a,
    0x56,
    (byte) 0xda,
    0x25,
    0x5b,
    0x0e,
    (byte) 0xc2,
    0x41,
    0x67,
    0x25,
    0x3d,
    0x43,
    (byte) 0xa3,
    (byte) 0x8f,
    (byte) 0xb0,
    (byte) 0xd0,
    (byte) 0xca,
    0x2b,
    (byte) 0xcb,
    (byte) 0xae,
    0x7b,
    0x30,
    (byte) 0xb4,
    0x77,
    (byte) 0xcb,
    0x2d,
    (byte) 0xa3,
    (byte) 0x80,
    0x30,
    (byte) 0xf2,
    0x0c,
    0x6a,
    0x42,
    (byte) 0xb7,
    0x3b,
    (byte) 0xbe,
    (byte) 0xac,
    0x01,
    (byte) 0xfa
  };

  private BitByBit() {}

  /// @param key up to 40 octets; the rest is zero
  static int hash(byte[] key, byte[] buffer) {
    BigInteger shifting = new BigInteger(1, Arrays.copyOf(key, 40));
    int result = 0;
    for (byte octet : buffer) {
      for (int bit = 7; bit >= 0; bit--) {
        if ((octet >> bit & 1) != 0) {
          result ^= shifting.shiftRight(40 * 8 - 32).intValue();
        }
        shifting = shifting.shiftLeft(1);
      }
    }
    return result;
  }
}
