package org.netback.xen.frontends;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// Where the checksum of a received frame is, which netif.h leaves to the frontend to find. As
/// strict as Linux's stack, which netfront asks (`skb_checksum_setup`): the ethertype in front is
/// that of IP, so that there is no VLAN tag, and TCP or UDP follow, not as a fragment. A frame
/// whose checksum is blank and has no such place is of no use.
final class ChecksumPlace {
  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

  private static final int ETHERNET = 14;
  private static final int TCP = 6;
  private static final int UDP = 17;
  private static final int TCP_SIZE = 20;
  private static final int UDP_SIZE = 8;

  private ChecksumPlace() {}

  /// @param offset of the frame in the memory
  /// @param length of the frame, at least an Ethernet header's
  static boolean isKnown(MemorySegment memory, long offset, int length) {
    return switch (u16(memory, offset + 12)) {
      case 0x0800 -> isKnownInIpv4(memory, offset, length);
      case 0x86dd -> isKnownInIpv6(memory, offset, length);
      default -> false;
    };
  }

  private static boolean isKnownInIpv4(MemorySegment memory, long offset, int length) {
    if (length < ETHERNET + 20) {
      return false;
    }
    boolean fragment = (u16(memory, offset + ETHERNET + 6) & 0x3fff) != 0;
    int at = ETHERNET + ((u8(memory, offset + ETHERNET) & 0xf) << 2);
    return !fragment && fits(u8(memory, offset + ETHERNET + 9), at, length);
  }

  private static boolean isKnownInIpv6(MemorySegment memory, long offset, int length) {
    int at = ETHERNET + 40;
    if (length < at) {
      return false;
    }
    int next = u8(memory, offset + ETHERNET + 6);
    while (true) {
      switch (next) {
        case 0, 43, 44, 51, 60 -> {
          if (at + 8 > length || next == 44 && (u16(memory, offset + at + 2) & 0xfff9) != 0) {
            return false;
          }
        }
        default -> {
          return fits(next, at, length);
        }
      }
      int units = u8(memory, offset + at + 1);
      int size = next == 44 ? 8 : next == 51 ? (units + 2) << 2 : (units + 1) << 3;
      next = u8(memory, offset + at);
      at += size;
    }
  }

  private static boolean fits(int protocol, int at, int length) {
    return protocol == TCP && at + TCP_SIZE <= length || protocol == UDP && at + UDP_SIZE <= length;
  }

  private static int u8(MemorySegment memory, long at) {
    return memory.get(JAVA_BYTE, at) & 0xff;
  }

  private static int u16(MemorySegment memory, long at) {
    return memory.get(U16, at) & 0xffff;
  }
}
