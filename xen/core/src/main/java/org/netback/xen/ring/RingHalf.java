package org.netback.xen.ring;

/// Where one ring of a pair without responses lies in its page ([ByteRing], [EventPage]).
///
/// @param offset of its first octet
/// @param length octets, or slots
/// @param cons offset of the consumer's index
/// @param prod offset of the producer's index
public record RingHalf(int offset, int length, int cons, int prod) {
  public RingHalf {
    if (length < 1 || offset < 0) {
      throw new IllegalArgumentException(length + " places at " + offset);
    }
  }
}
