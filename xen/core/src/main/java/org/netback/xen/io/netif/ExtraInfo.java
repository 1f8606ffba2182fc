package org.netback.xen.io.netif;

import java.lang.foreign.MemorySegment;
import org.netback.xen.ring.RingMessage;

/// What does not fit into a packet's first slot, in a slot of its own directly after it
/// (io/netif.h, `struct netif_extra_info`), 8 octets; in a slot of the tx ring 4 more follow, which
/// are zero.
public sealed interface ExtraInfo extends RingMessage {
  /// Octets of the struct.
  int SIZE = 8;

  /// Never used, thus invalid (`XEN_NETIF_EXTRA_TYPE_NONE`).
  int TYPE_NONE = 0;

  /// `XEN_NETIF_EXTRA_TYPE_GSO`.
  int TYPE_GSO = 1;

  /// `XEN_NETIF_EXTRA_TYPE_MCAST_ADD`.
  int TYPE_MCAST_ADD = 2;

  /// `XEN_NETIF_EXTRA_TYPE_MCAST_DEL`.
  int TYPE_MCAST_DEL = 3;

  /// `XEN_NETIF_EXTRA_TYPE_HASH`.
  int TYPE_HASH = 4;

  /// The first number that names no type (`XEN_NETIF_EXTRA_TYPE_MAX`).
  int TYPE_MAX = 5;

  /// Another extra follows (`XEN_NETIF_EXTRA_FLAG_MORE`).
  int FLAG_MORE = 1;

  /// `XEN_NETIF_GSO_TYPE_NONE`.
  int GSO_TYPE_NONE = 0;

  /// `XEN_NETIF_GSO_TYPE_TCPV4`.
  int GSO_TYPE_TCPV4 = 1;

  /// `XEN_NETIF_GSO_TYPE_TCPV6`.
  int GSO_TYPE_TCPV6 = 2;

  /// The type's number as in the slot.
  int type();

  /// The flags as in the slot: [#FLAG_MORE].
  int flags();

  default boolean more() {
    return (flags() & FLAG_MORE) != 0;
  }

  /// Reads a private slot; any bits give a value.
  static ExtraInfo read(MemorySegment slot) {
    int flags = flags(slot);
    return switch (type(slot)) {
      case TYPE_GSO -> new Gso(flags, gsoSize(slot), gsoType(slot), gsoFeatures(slot));
      case TYPE_MCAST_ADD -> new McastAdd(flags, mcastAddress(slot));
      case TYPE_MCAST_DEL -> new McastDel(flags, mcastAddress(slot));
      case TYPE_HASH -> new Hash(flags, hashType(slot), hashAlgorithm(slot), hashValue(slot));
      default -> new Unknown(type(slot), flags, Octets.u48(slot, 2));
    };
  }

  static int type(MemorySegment slot) {
    return Octets.u8(slot, 0);
  }

  static int flags(MemorySegment slot) {
    return Octets.u8(slot, 1);
  }

  static boolean more(MemorySegment slot) {
    return (flags(slot) & FLAG_MORE) != 0;
  }

  static int gsoSize(MemorySegment slot) {
    return Octets.u16(slot, 2);
  }

  static int gsoType(MemorySegment slot) {
    return Octets.u8(slot, 4);
  }

  static int gsoFeatures(MemorySegment slot) {
    return Octets.u16(slot, 6);
  }

  static long mcastAddress(MemorySegment slot) {
    return Octets.u48(slot, 2);
  }

  static int hashType(MemorySegment slot) {
    return Octets.u8(slot, 2);
  }

  static int hashAlgorithm(MemorySegment slot) {
    return Octets.u8(slot, 3);
  }

  static int hashValue(MemorySegment slot) {
    return Octets.u32(slot, 4);
  }

  // The same of a slot whose words begin at an index of BackRing.slots().

  static int type(int[] slots, int at) {
    return slots[at] & 0xff;
  }

  static int flags(int[] slots, int at) {
    return slots[at] >>> 8 & 0xff;
  }

  static boolean more(int[] slots, int at) {
    return (flags(slots, at) & FLAG_MORE) != 0;
  }

  static int gsoSize(int[] slots, int at) {
    return slots[at] >>> 16;
  }

  static int gsoType(int[] slots, int at) {
    return slots[at + 1] & 0xff;
  }

  static long mcastAddress(int[] slots, int at) {
    return (Integer.reverseBytes(slots[at]) & 0xffffL) << 32
        | Integer.reverseBytes(slots[at + 1]) & 0xffff_ffffL;
  }

  /// The whole of a [Gso] as two 32-bit words, the first in the lower half.
  static long gsoWords(int flags, int size, int gsoType, int features) {
    return TYPE_GSO
        | (flags & 0xffL) << 8
        | (size & 0xffffL) << 16
        | (gsoType & 0xffL) << 32
        | (long) features << 48;
  }

  /// The whole of a [Hash] as two 32-bit words, the first in the lower half.
  static long hashWords(int flags, int hashType, int algorithm, int value) {
    return TYPE_HASH
        | (flags & 0xffL) << 8
        | (hashType & 0xffL) << 16
        | (algorithm & 0xffL) << 24
        | (long) value << 32;
  }

  /// Writes a [Gso] without making an object of it.
  static void writeGso(MemorySegment slot, int flags, int size, int gsoType, int features) {
    head(slot, TYPE_GSO, flags);
    Octets.put16(slot, 2, size);
    Octets.put8(slot, 4, gsoType);
    Octets.put8(slot, 5, 0);
    Octets.put16(slot, 6, features);
  }

  /// Writes a [Hash] without making an object of it.
  static void writeHash(MemorySegment slot, int flags, int hashType, int algorithm, int value) {
    head(slot, TYPE_HASH, flags);
    Octets.put8(slot, 2, hashType);
    Octets.put8(slot, 3, algorithm);
    Octets.put32(slot, 4, value);
  }

  private static void head(MemorySegment slot, int type, int flags) {
    Octets.put8(slot, 0, type);
    Octets.put8(slot, 1, flags);
    // A slot of the tx ring is longer than the struct; an rx slot is not.
    if (slot.byteSize() >= TxRequest.SIZE) {
      Octets.put32(slot, SIZE, 0);
    }
  }

  private static void writeAddress(MemorySegment slot, int type, int flags, long address) {
    head(slot, type, flags);
    Octets.put48(slot, 2, address);
  }

  /// The packet is to be cut into segments (`u.gso`).
  ///
  /// @param size octets of TCP payload in a segment
  /// @param gsoType [#GSO_TYPE_TCPV4] or [#GSO_TYPE_TCPV6]; 0 to 255 as sent
  /// @param features of which none is defined
  record Gso(int flags, int size, int gsoType, int features) implements ExtraInfo {
    @Override
    public int type() {
      return TYPE_GSO;
    }

    @Override
    public void writeTo(MemorySegment slot) {
      writeGso(slot, flags, size, gsoType, features);
    }
  }

  /// A multicast address that the guest wants to receive (`u.mcast`).
  ///
  /// @param address 48 bits, the first octet on the wire the most significant
  record McastAdd(int flags, long address) implements ExtraInfo {
    @Override
    public int type() {
      return TYPE_MCAST_ADD;
    }

    @Override
    public void writeTo(MemorySegment slot) {
      writeAddress(slot, TYPE_MCAST_ADD, flags, address);
    }
  }

  /// A multicast address that the guest wants no more (`u.mcast`).
  ///
  /// @param address 48 bits, the first octet on the wire the most significant
  record McastDel(int flags, long address) implements ExtraInfo {
    @Override
    public int type() {
      return TYPE_MCAST_DEL;
    }

    @Override
    public void writeTo(MemorySegment slot) {
      writeAddress(slot, TYPE_MCAST_DEL, flags, address);
    }
  }

  /// The packet's flow hash (`u.hash`).
  ///
  /// @param hashType bit number of one of [CtrlRequest]'s hash types, not its mask
  /// @param algorithm [CtrlRequest#HASH_ALGORITHM_TOEPLITZ]; Windows sends 0
  /// @param value least significant octet first in the slot
  record Hash(int flags, int hashType, int algorithm, int value) implements ExtraInfo {
    @Override
    public int type() {
      return TYPE_HASH;
    }

    @Override
    public void writeTo(MemorySegment slot) {
      writeHash(slot, flags, hashType, algorithm, value);
    }
  }

  /// A type that the header does not define.
  ///
  /// @param body the other six octets, the first the most significant
  record Unknown(int type, int flags, long body) implements ExtraInfo {
    @Override
    public void writeTo(MemorySegment slot) {
      writeAddress(slot, type, flags, body);
    }
  }
}
