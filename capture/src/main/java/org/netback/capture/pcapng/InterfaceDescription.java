package org.netback.capture.pcapng;

import java.util.Optional;
import org.netback.packet.MacAddress;

/// An interface whose packets are in the file (draft-ietf-opsawg-pcapng, section 4.2). Its number,
/// by which packets name it, is its place among the interfaces of its section, from 0. An empty
/// text is left out of the file.
///
/// @param linkType what the packets are; 1 is Ethernet
/// @param snapLength the most octets that are captured of a packet, without a sign; 0 is no bound
/// @param name of the port
/// @param description who is behind it
/// @param address its MAC address
/// @param speed in bits per second; 0 if it is not known
/// @param filter that the packets have passed, in libpcap's language
/// @param fcsLength octets of frame check sequence at the end of each packet, or [#UNKNOWN]
/// @param resolution of its times
/// @param timeOffset seconds that are added to its times
public record InterfaceDescription(
    int linkType,
    int snapLength,
    String name,
    String description,
    Optional<MacAddress> address,
    long speed,
    String filter,
    int fcsLength,
    TimeResolution resolution,
    long timeOffset)
    implements Block {
  public static final int ETHERNET = 1;
  public static final int UNKNOWN = -1;

  /// Octets before the options: link type, reserved, snap length.
  static final int FIXED = 8;

  private static final int BITS = 8;
  private static final byte LIBPCAP_FILTER = 0;

  /// A port of a switch: Ethernet without FCS, in nanoseconds.
  public static InterfaceDescription ofPort(
      int snapLength,
      String name,
      String description,
      Optional<MacAddress> address,
      long speed,
      String filter) {
    return new InterfaceDescription(
        ETHERNET,
        snapLength,
        name,
        description,
        address,
        speed,
        filter,
        0,
        TimeResolution.NANOSECONDS,
        0);
  }

  byte[] toBlock() {
    OctetBuilder body =
        new OctetBuilder()
            .int16(linkType)
            .int16(0)
            .int32(snapLength)
            .text(OptionCode.INTERFACE_NAME, name)
            .text(OptionCode.INTERFACE_DESCRIPTION, description);
    address.ifPresent(mac -> body.option(OptionCode.INTERFACE_MAC, octets(mac)));
    if (speed != 0) {
      body.option64(OptionCode.INTERFACE_SPEED, speed);
    }
    if (!resolution.equals(TimeResolution.MICROSECONDS)) {
      body.option(OptionCode.INTERFACE_RESOLUTION, new byte[] {(byte) resolution.octet()});
    }
    if (!filter.isEmpty()) {
      byte[] text = OctetBuilder.utf8(filter, OctetBuilder.MAX_VALUE - 1);
      body.option(
          OptionCode.INTERFACE_FILTER,
          new OctetBuilder().int8(LIBPCAP_FILTER).octets(text).toArray());
    }
    if (fcsLength != UNKNOWN) {
      body.option(OptionCode.INTERFACE_FCS_LENGTH, new byte[] {(byte) (fcsLength * BITS)});
    }
    if (timeOffset != 0) {
      body.option64(OptionCode.INTERFACE_TIME_OFFSET, timeOffset);
    }
    return OctetBuilder.block(BlockType.INTERFACE_DESCRIPTION, body.endOfOptions());
  }

  /// The six octets in the order of the wire.
  static byte[] octets(MacAddress mac) {
    byte[] octets = new byte[6];
    for (int i = 0; i < 6; i++) {
      octets[i] = (byte) (mac.value() >> 8 * (5 - i));
    }
    return octets;
  }

  static InterfaceDescription read(BlockBody body) throws CaptureFormatException {
    Options options = body.options(FIXED);
    return new InterfaceDescription(
        body.int16(0),
        body.int32(4),
        options.text(OptionCode.INTERFACE_NAME).orElse(""),
        options.text(OptionCode.INTERFACE_DESCRIPTION).orElse(""),
        options.octets(OptionCode.INTERFACE_MAC).map(InterfaceDescription::address),
        options.int64(OptionCode.INTERFACE_SPEED).orElse(0),
        options.octets(OptionCode.INTERFACE_FILTER).map(InterfaceDescription::filter).orElse(""),
        options
            .octets(OptionCode.INTERFACE_FCS_LENGTH)
            .map(InterfaceDescription::fcsLength)
            .orElse(UNKNOWN),
        options
            .octets(OptionCode.INTERFACE_RESOLUTION)
            .map(octet -> new TimeResolution(octet[0] & 0xff))
            .orElse(TimeResolution.MICROSECONDS),
        options.int64(OptionCode.INTERFACE_TIME_OFFSET).orElse(0));
  }

  static MacAddress address(byte[] octets) {
    long value = 0;
    for (byte octet : octets) {
      value = value << 8 | octet & 0xff;
    }
    return new MacAddress(value);
  }

  /// Empty for a filter that is not in libpcap's language.
  private static String filter(byte[] value) {
    return value.length == 0 || value[0] != LIBPCAP_FILTER ? "" : Options.text(value, 1);
  }

  /// The draft counts bits, its example is 4, and files have either.
  private static int fcsLength(byte[] value) {
    int number = value[0] & 0xff;
    return number < BITS ? number : number / BITS;
  }
}
