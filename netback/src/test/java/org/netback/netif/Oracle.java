package org.netback.netif;

import java.math.BigInteger;
import java.util.Arrays;

/// Which queue a frame belongs in, by the words of io/netif.h and nothing of the backend's: for
/// untagged frames without options.
final class Oracle {
  /// The key of Microsoft's published vectors.
  static final byte[] KEY =
      new BigInteger(
              "6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa",
              16)
          .toByteArray();

  private Oracle() {}

  /// Hash with all types switched on.
  static int hash(byte[] key, byte[] frame) {
    boolean six = (frame[12] & 0xff) == 0x86;
    boolean tcp = frame[six ? 20 : 23] == 6;
    byte[] buffer =
        six
            ? Arrays.copyOfRange(frame, 22, tcp ? 58 : 54)
            : Arrays.copyOfRange(frame, 26, tcp ? 38 : 34);
    BigInteger shifting = new BigInteger(1, Arrays.copyOf(key, 40));
    int result = 0;
    for (int bit = 0; bit < buffer.length * 8; bit++) {
      if ((buffer[bit / 8] >> 7 - bit % 8 & 1) != 0) {
        result ^= shifting.shiftRight(320 - 32 - bit).intValue();
      }
    }
    return result;
  }

  static int queue(byte[] key, byte[] frame, int... mapping) {
    return mapping[Integer.remainderUnsigned(hash(key, frame), mapping.length)];
  }
}
