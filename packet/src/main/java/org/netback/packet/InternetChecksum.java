package org.netback.packet;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;

/// The checksum of IP, TCP and UDP (RFC 1071): the ones' complement of the ones' complement sum of
/// 16-bit words in network order.
///
/// A *sum* here is that sum folded to 16 bits, not yet complemented; sums of parts are combined and
/// complemented once with [#finish]. A field in a header holds a *checksum*.
public final class InternetChecksum {
  private static final boolean LITTLE_ENDIAN = ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;

  private InternetChecksum() {}

  /// The sum of octets in memory. An odd last octet counts as if a zero followed.
  ///
  /// @param length in octets, at most 2^31-1
  public static int sum(MemorySegment memory, long offset, int length) {
    // A ones' complement sum may be taken in any byte order and swapped at the end (RFC 1071 2(B)).
    // Of the forms measured, C2 turns only this plain loop over ints into vector instructions.
    int ints = length >> 2;
    long sum = 0;
    for (int i = 0; i < ints; i++) {
      sum += memory.get(JAVA_INT_UNALIGNED, offset + 4L * i) & 0xffff_ffffL;
    }
    int at = ints << 2;
    if ((length & 2) != 0) {
      sum += memory.get(JAVA_SHORT_UNALIGNED, offset + at) & 0xffff;
      at += 2;
    }
    int folded = fold(sum);
    int words = LITTLE_ENDIAN ? swap(folded) : folded;
    return (length & 1) == 0
        ? words
        : combine(words, (memory.get(JAVA_BYTE, offset + at) & 0xff) << 8);
  }

  /// The sum of octets of a frame.
  ///
  /// @param frame of which they are private ([Frame#need])
  public static int sum(Frame frame, int at, int length) {
    frame.check(at, length);
    return sum(frame.memory(), frame.offset() + at, length);
  }

  /// The sum of two parts, of which the first has an even number of octets.
  public static int combine(int first, int second) {
    int sum = first + second;
    return (sum & 0xffff) + (sum >>> 16);
  }

  /// The sum of two parts that follow each other.
  ///
  /// @param firstLength octets in the first part; if it is odd, the second part's octets have the
  ///   other place in their words
  public static int combine(int first, int firstLength, int second) {
    return combine(first, (firstLength & 1) == 0 ? second : swap(second));
  }

  /// Adds up to 2^47 to a sum: any number of 16-bit words added up beforehand.
  public static int add(int sum, long words) {
    return fold(sum + words);
  }

  /// The checksum that makes a sum come out right.
  public static int finish(int sum) {
    return ~sum & 0xffff;
  }

  /// A checksum after one 16-bit word under it was changed (RFC 1624, equation 3).
  public static int update(int checksum, int oldWord, int newWord) {
    return finish(fold((long) (~checksum & 0xffff) + (~oldWord & 0xffff) + (newWord & 0xffff)));
  }

  /// The sum of the pseudo header of RFC 9293 3.1 and RFC 768.
  ///
  /// @param ipOffset of the IPv4 header in the frame
  /// @param protocol 6 or 17
  /// @param length of the TCP or UDP header and its payload
  public static int pseudoHeaderIpv4(Frame frame, int ipOffset, int protocol, int length) {
    return add(0, words(frame, ipOffset + 12, 2) + protocol + length);
  }

  /// The sum of the pseudo header of RFC 8200 8.1.
  ///
  /// @param ipOffset of the IPv6 header in the frame
  /// @param protocol 6 or 17, in whatever extension header it may stand
  /// @param length of the TCP or UDP header and its payload, less than 2^16
  public static int pseudoHeaderIpv6(Frame frame, int ipOffset, int protocol, int length) {
    return add(0, words(frame, ipOffset + 8, 8) + protocol + length);
  }

  /// The sum of an IPv4 header, options included.
  ///
  /// @param ipOffset of the header in the frame
  public static int headerIpv4(Frame frame, int ipOffset) {
    return fold(words(frame, ipOffset, frame.u8(ipOffset) & 0xf));
  }

  /// The sum of 32-bit words, not folded: for a few, less work than [#sum], which is made for many.
  private static long words(Frame frame, int at, int count) {
    long sum = 0;
    for (int i = 0; i < count; i++) {
      sum += frame.i32(at + 4 * i) & 0xffff_ffffL;
    }
    return sum;
  }

  private static int fold(long sum) {
    long folded = (sum & 0xffff_ffffL) + (sum >>> 32);
    folded = (folded & 0xffff) + (folded >>> 16);
    folded = (folded & 0xffff) + (folded >>> 16);
    return (int) ((folded & 0xffff) + (folded >>> 16));
  }

  private static int swap(int sum) {
    return sum >>> 8 | (sum & 0xff) << 8;
  }
}
