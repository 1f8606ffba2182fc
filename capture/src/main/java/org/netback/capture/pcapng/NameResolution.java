package org.netback.capture.pcapng;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;

/// Names for addresses of the section's packets (draft-ietf-opsawg-pcapng, section 4.5). An address
/// may have several names, and may come again in a later block.
///
/// @param records at most [#MAX_RECORDS]
public record NameResolution(List<NameRecord> records) implements Block {
  public static final int MAX_RECORDS = 65_536;

  private static final int END = 0;
  private static final int IPV4 = 1;
  private static final int IPV6 = 2;
  private static final int EUI48 = 3;

  /// @throws IllegalArgumentException if there are too many records or one has no name
  public NameResolution {
    records = List.copyOf(records);
    if (records.size() > MAX_RECORDS) {
      throw new IllegalArgumentException(records.size() + " names in one block");
    }
    for (NameRecord record : records) {
      if (record.name().isEmpty()) {
        throw new IllegalArgumentException("an address without a name: " + record);
      }
    }
  }

  byte[] toBlock() {
    OctetBuilder body = new OctetBuilder();
    for (NameRecord record : records) {
      switch (record) {
        case NameRecord.OfIp ip -> {
          byte[] address = ip.address().getAddress();
          named(body, address.length == 4 ? IPV4 : IPV6, address, ip.name());
        }
        case NameRecord.OfMac mac ->
            named(body, EUI48, InterfaceDescription.octets(mac.address()), mac.name());
      }
    }
    return OctetBuilder.block(BlockType.NAME_RESOLUTION, body.int32(END));
  }

  private static void named(OctetBuilder body, int type, byte[] address, String name) {
    byte[] text = OctetBuilder.utf8(name, OctetBuilder.MAX_VALUE - address.length - 1);
    body.value(type, new OctetBuilder().octets(address).octets(text).int8(0).toArray());
  }

  static NameResolution read(BlockBody body) throws CaptureFormatException {
    List<NameRecord> records = new ArrayList<>();
    int at = 0;
    while (body.length() - at >= 4) {
      int type = body.int16(at);
      int length = body.int16(at + 2);
      if (type == END) {
        break;
      }
      body.check(at + 4, length, "a name record");
      int address =
          switch (type) {
            case IPV4 -> 4;
            case IPV6 -> 16;
            case EUI48 -> 6;
            default -> length;
          };
      if (address > length) {
        throw body.fault(at, "a name record of type " + type + " has " + length + " octets");
      }
      int from = at + 4 + address;
      int end = at + 4 + length;
      while (from < end) {
        String name = Options.text(body.octets(from, end - from), 0);
        from += body.zero(from, end) - from + 1;
        if (!name.isEmpty()) {
          if (records.size() == MAX_RECORDS) {
            throw body.fault(at, "more than " + MAX_RECORDS + " names in one block");
          }
          records.add(record(type, body.octets(at + 4, address), name));
        }
      }
      at += 4 + length + (-length & 3);
    }
    return new NameResolution(records);
  }

  private static NameRecord record(int type, byte[] address, String name) {
    if (type == EUI48) {
      return new NameRecord.OfMac(InterfaceDescription.address(address), name);
    }
    try {
      return new NameRecord.OfIp(InetAddress.getByAddress(address), name);
    } catch (UnknownHostException e) {
      throw new IllegalStateException(address.length + " octets are an address", e);
    }
  }
}
