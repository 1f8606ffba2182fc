package org.netback.capture.pcapng;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// The options of a block (draft-ietf-opsawg-pcapng, section 3.5), asked for by [OptionCode]. Where
/// a code comes more than once, the first counts unless all are asked for.
///
/// *Lent* as the packet is that has them.
public final class Options {
  static final Options NONE =
      new Options(MemorySegment.ofArray(new byte[0]), ByteOrder.nativeOrder());

  /// The most octets of a text that are read; what is longer is cut there.
  private static final int MAX_TEXT = 4096;

  private static final int NOT_THERE = -1;

  /// From the first option to an end that was found; everything in it has been checked.
  private final MemorySegment octets;

  private final ValueLayout.OfShort int16;
  private final ValueLayout.OfInt int32;
  private final ValueLayout.OfLong int64;

  Options(MemorySegment octets, ByteOrder order) {
    this.octets = octets;
    int16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(order);
    int32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(order);
    int64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(order);
  }

  /// A value of four octets, as a number.
  public OptionalInt int32(int code) {
    long at = find(code, 0);
    return at == NOT_THERE || length(at) != 4
        ? OptionalInt.empty()
        : OptionalInt.of(octets.get(int32, at + 4));
  }

  /// A value of eight octets, as a number.
  public OptionalLong int64(int code) {
    long at = find(code, 0);
    return at == NOT_THERE || length(at) != 8
        ? OptionalLong.empty()
        : OptionalLong.of(octets.get(int64, at + 4));
  }

  /// A value that is a time in its interface's units: the upper half comes first in either byte
  /// order.
  OptionalLong time(int code) {
    long at = find(code, 0);
    return at == NOT_THERE || length(at) != 8
        ? OptionalLong.empty()
        : OptionalLong.of(
            (long) octets.get(int32, at + 4) << 32 | octets.get(int32, at + 8) & 0xffff_ffffL);
  }

  /// A value, whatever it is.
  public Optional<byte[]> octets(int code) {
    long at = find(code, 0);
    return at == NOT_THERE ? Optional.empty() : Optional.of(value(at));
  }

  /// A value as text, to its first zero octet.
  public Optional<String> text(int code) {
    return octets(code).map(value -> text(value, 0));
  }

  /// All values of this code as text.
  public List<String> texts(int code) {
    List<String> texts = new ArrayList<>();
    for (long at = find(code, 0); at != NOT_THERE; at = find(code, next(at))) {
      texts.add(text(value(at), 0));
    }
    return texts;
  }

  /// The codes of all options, in their order.
  public List<Integer> codes() {
    List<Integer> codes = new ArrayList<>();
    for (long at = 0; at < octets.byteSize(); at = next(at)) {
      codes.add(code(at));
    }
    return codes;
  }

  /// The text from there to the first zero octet.
  static String text(byte[] value, int from) {
    int end = from;
    while (end < value.length && end - from < MAX_TEXT && value[end] != 0) {
      end++;
    }
    return new String(value, from, end - from, UTF_8);
  }

  private byte[] value(long at) {
    return octets.asSlice(at + 4, length(at)).toArray(ValueLayout.JAVA_BYTE);
  }

  private long find(int code, long from) {
    for (long at = from; at < octets.byteSize(); at = next(at)) {
      if (code(at) == code) {
        return at;
      }
    }
    return NOT_THERE;
  }

  private long next(long at) {
    return at + 4 + (length(at) + 3 & ~3);
  }

  private int code(long at) {
    return Short.toUnsignedInt(octets.get(int16, at));
  }

  private int length(long at) {
    return Short.toUnsignedInt(octets.get(int16, at + 2));
  }
}
