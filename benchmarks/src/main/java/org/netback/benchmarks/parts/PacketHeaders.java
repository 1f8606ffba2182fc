package org.netback.benchmarks.parts;

import org.netback.packet.Frame;

/// The headers of a frame of TCP or UDP, as far as anybody judges them.
final class PacketHeaders {
  private static final int ETHERNET = 14;

  private PacketHeaders() {}

  /// Writes them into a frame that has its length already: the Ethernet type, an IP header and
  /// TCP's without options. All other fields stay what they are.
  static void put(Frame frame, boolean ipv6, boolean tcp) {
    int transport = ETHERNET + (ipv6 ? 40 : 20);
    int protocol = tcp ? 6 : 17;
    if (ipv6) {
      frame.putU16(12, 0x86dd);
      frame.putU8(14, 0x60);
      frame.putU16(18, frame.length() - transport);
      frame.putU8(20, protocol);
    } else {
      frame.putU16(12, 0x0800);
      frame.putU16(14, 0x4500);
      frame.putU16(16, frame.length() - ETHERNET);
      frame.putU16(20, 0);
      frame.putU8(23, protocol);
    }
    if (tcp) {
      frame.putU8(transport + 12, 0x50);
    } else {
      frame.putU16(transport + 4, frame.length() - transport);
    }
  }
}
