package org.netback.packet;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.netback.properties.Sample;

/// Frames of a property's, with headers of all kinds and lengths, of which some are wrong. What a
/// sample draws most, the ends of its ranges, is what goes furthest.
public final class AnyFrame {
  private static final int LONGEST = 8192;
  private static final int TCP = 6;
  private static final int UDP = 17;

  private final Sample sample;
  private final int least;
  private final ByteBuffer octets = ByteBuffer.allocate(LONGEST);
  private int ipLengthAt;
  private int ipLengthFrom;

  private AnyFrame(Sample sample, int least) {
    this.sample = sample;
    this.least = least;
  }

  /// A frame's octets, [Frame#MIN_LENGTH] at least.
  ///
  /// @param destination MAC address
  /// @param source MAC address
  public static byte[] octets(Sample sample, long destination, long source) {
    return new AnyFrame(sample, 0).make(destination, source);
  }

  /// The same with more payload.
  ///
  /// @param payload octets, at least; 0 to 6000
  public static byte[] octets(Sample sample, long destination, long source, int payload) {
    return new AnyFrame(sample, payload).make(destination, source);
  }

  private byte[] make(long destination, long source) {
    mac(destination);
    mac(source);
    int tags = sample.oneOf(0, 1, 3, 2, 0);
    for (int i = 0; i < tags; i++) {
      put16(sample.oneOf(0x8100, 0x88a8, 0x9100));
      put16(i);
    }
    switch (sample.between(0, 4)) {
      case 0, 4 -> ipv6();
      case 1, 3 -> ipv4();
      default -> {
        put16(0x88b5);
        octets.position(octets.position() + least);
        octets.put(sample.octets(0, 300));
      }
    }
    int length = octets.position() + sample.between(0, 10);
    byte[] made = Arrays.copyOf(octets.array(), length);
    if (sample.between(0, 2) == 2) {
      made[sample.between(12, length - 1)] = sample.anyByte();
    }
    return least == 0 && sample.between(0, 4) == 4
        ? Arrays.copyOf(made, sample.between(14, length))
        : made;
  }

  private void mac(long address) {
    put16((int) (address >>> 32));
    octets.putInt((int) address);
  }

  private void put16(int value) {
    octets.putShort((short) value);
  }

  private void ipv4() {
    int options = sample.between(0, 10);
    int protocol = sample.oneOf(TCP, UDP, 1, 2, 103);
    int at = octets.position() + 2;
    put16(Headers.ETHERTYPE_IPV4);
    octets.put((byte) (0x45 + options)).put((byte) 0);
    ipLengthAt = octets.position();
    ipLengthFrom = at;
    put16(0);
    put16(sample.between(0, 0xffff));
    put16(sample.oneOf(0, 0x4000, 0, 0x2000, 7));
    octets.put((byte) 64).put((byte) protocol);
    put16(0);
    octets.putInt(0x0a00_0001).putInt(sample.oneOf(0x0a00_0002, 0xefff_0001, 0xe000_000d));
    for (int i = 0; i < 4 * options; i++) {
      octets.put((byte) (int) sample.oneOf(1, 1, 1, 7, 4, 131, 0));
    }
    transport(protocol);
  }

  private void ipv6() {
    int protocol = sample.oneOf(TCP, UDP, 58);
    int extensions = sample.oneOf(1, 0, 5, 2, 1);
    int[] types = new int[extensions + 1];
    for (int i = 0; i < extensions; i++) {
      types[i] = sample.oneOf(0, 60, 43, 44, 51);
    }
    types[extensions] = protocol;
    put16(Headers.ETHERTYPE_IPV6);
    octets.putInt(0x6000_0000);
    ipLengthAt = octets.position();
    ipLengthFrom = ipLengthAt + 36;
    put16(0);
    octets.put((byte) types[0]).put((byte) 64);
    octets.putLong(0xfd00_0000_0000_0000L).putLong(1);
    octets.putLong(sample.oneOf(0xfd00_0000_0000_0000L, 0xff0e_0000_0000_0000L)).putLong(2);
    for (int i = 0; i < extensions; i++) {
      extension(types[i], types[i + 1]);
    }
    transport(protocol);
  }

  private void extension(int type, int next) {
    int units = sample.between(0, 12);
    int size =
        switch (type) {
          case 44 -> 8;
          case 51 -> 4 * (units + 2);
          default -> 8 * (units + 1);
        };
    int at = octets.position();
    octets.put((byte) next).put((byte) units);
    // Of a fragment header, whether it is a fragment's; of a routing header, the segments left.
    put16(sample.oneOf(0, 0, 0, 1, 0x0100));
    octets.position(at + size);
  }

  private void transport(int protocol) {
    int at = octets.position();
    int payload = least + sample.between(0, 400);
    int header =
        switch (protocol) {
          case TCP -> 20 + 4 * sample.between(0, 10);
          case UDP -> 8;
          default -> 0;
        };
    octets.putInt(0x03e8_07d0);
    if (protocol == UDP) {
      octets.putShort(at + 4, (short) (8 + payload));
    } else if (protocol == TCP) {
      octets.putInt(at + 4, 77);
      octets.put(at + 12, (byte) (header << 2)).put(at + 13, sample.anyByte());
    }
    for (int i = header; i < header + payload; i++) {
      octets.put(at + i, (byte) (i * 31));
    }
    octets.position(at + header + payload);
    int length = octets.position() - ipLengthFrom;
    octets.putShort(ipLengthAt, (short) (int) sample.oneOf(length, length, length, 0, length - 5));
  }
}
