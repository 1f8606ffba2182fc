package org.netback.packet;

import java.util.HexFormat;

/// An IEEE 802 MAC address. On the data path an address is a bare `long` of this form: the first
/// octet on the wire is the most significant of the low 48 bits, the high 16 bits are zero.
///
/// @param value the 48 bits
public record MacAddress(long value) {
  public static final long BROADCAST = 0xffff_ffff_ffffL;
  private static final long GROUP_BIT = 0x0100_0000_0000L;

  public MacAddress {
    if (value >>> 48 != 0) {
      throw new IllegalArgumentException("not a 48-bit address: 0x" + Long.toHexString(value));
    }
  }

  /// Reads `aa:bb:cc:dd:ee:ff`, in either case.
  public static MacAddress parse(String text) {
    String digits = text.replace(":", "");
    if (text.length() != 17 || digits.length() != 12 || !digits.matches("\\p{XDigit}+")) {
      throw new IllegalArgumentException("not a MAC address (aa:bb:cc:dd:ee:ff): \"" + text + '"');
    }
    return new MacAddress(HexFormat.fromHexDigitsToLong(digits));
  }

  /// Whether the individual/group bit is set: multicast, or broadcast.
  public static boolean isGroup(long address) {
    return (address & GROUP_BIT) != 0;
  }

  @Override
  public String toString() {
    return HexFormat.ofDelimiter(":")
        .formatHex(
            new byte[] {
              (byte) (value >> 40), (byte) (value >> 32), (byte) (value >> 24),
              (byte) (value >> 16), (byte) (value >> 8), (byte) value
            });
  }
}
