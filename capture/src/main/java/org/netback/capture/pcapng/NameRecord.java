package org.netback.capture.pcapng;

import java.net.InetAddress;
import org.netback.packet.MacAddress;

/// A name of an address.
public sealed interface NameRecord {
  /// Not empty.
  String name();

  /// @param address IPv4 or IPv6
  record OfIp(InetAddress address, String name) implements NameRecord {}

  record OfMac(MacAddress address, String name) implements NameRecord {}
}
