package org.netback.capture.pcapng;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Arrays;

/// Builds what is not written per packet: little-endian fields, options, and the frame of a block.
/// Allocates. One thread.
final class OctetBuilder {
  /// The most octets that an option's or a record's value has.
  static final int MAX_VALUE = 0xffff;

  private byte[] octets = new byte[256];
  private int length;
  private boolean options;

  /// The block of this type and body.
  static byte[] block(int type, OctetBuilder body) {
    int total = body.length + 12;
    return new OctetBuilder()
        .int32(type)
        .int32(total)
        .octets(body.octets, body.length)
        .int32(total)
        .toArray();
  }

  /// The text without zero octets, at which readers would end it, and cut to so many octets at a
  /// code point.
  static byte[] utf8(String text, int max) {
    byte[] all = text.replace("\0", "").getBytes(UTF_8);
    if (all.length <= max) {
      return all;
    }
    int end = max;
    while (end > 0 && (all[end] & 0xc0) == 0x80) {
      end--;
    }
    return Arrays.copyOf(all, end);
  }

  OctetBuilder int16(int value) {
    return int8(value).int8(value >> 8);
  }

  OctetBuilder int32(int value) {
    return int16(value).int16(value >> 16);
  }

  OctetBuilder int64(long value) {
    return int32((int) value).int32((int) (value >> 32));
  }

  /// A time as blocks have it: the upper half first, in either byte order.
  OctetBuilder time(long value) {
    return int32((int) (value >> 32)).int32((int) value);
  }

  OctetBuilder int8(int value) {
    room(1);
    octets[length++] = (byte) value;
    return this;
  }

  OctetBuilder octets(byte[] value) {
    return octets(value, value.length);
  }

  private OctetBuilder octets(byte[] value, int count) {
    room(count);
    System.arraycopy(value, 0, octets, length, count);
    length += count;
    return this;
  }

  /// A code, a length, a value and its padding: an option, or a record of a name resolution block.
  OctetBuilder value(int code, byte[] value) {
    int16(code).int16(value.length).octets(value);
    while (length % 4 != 0) {
      int8(0);
    }
    return this;
  }

  OctetBuilder option(int code, byte[] value) {
    options = true;
    return value(code, value);
  }

  OctetBuilder option64(int code, long value) {
    return option(code, new OctetBuilder().int64(value).toArray());
  }

  /// An option of text; none if the text is empty.
  OctetBuilder text(int code, String text) {
    byte[] value = utf8(text, MAX_VALUE);
    return value.length == 0 ? this : option(code, value);
  }

  /// Ends the options, if there are any.
  OctetBuilder endOfOptions() {
    return options ? int32(OptionCode.END) : this;
  }

  byte[] toArray() {
    return Arrays.copyOf(octets, length);
  }

  private void room(int count) {
    if (octets.length - length < count) {
      octets = Arrays.copyOf(octets, Math.max(2 * octets.length, length + count));
    }
  }
}
