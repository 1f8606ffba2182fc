package org.netback.xen.io.netif;

import java.lang.foreign.MemorySegment;
import org.netback.xen.ring.RingMessage;

/// A guest's request to transmit (io/netif.h, `struct netif_tx_request`), 12 octets.
///
/// @param gref grant reference of the page that holds the data
/// @param offset of the data in the page, in octets; 0 to 65535 as sent
/// @param flags any of [#CSUM_BLANK], [#DATA_VALIDATED], [#MORE_DATA], [#EXTRA_INFO]; bits 0 and 1
///   mean the opposite of those in an [RxResponse]
/// @param id echoed in the response, 0 to 65535
/// @param size octets: of the whole packet in its first request, of the fragment in the others
public record TxRequest(int gref, int offset, int flags, int id, int size) implements RingMessage {
  /// Octets of the struct, and of a slot of the tx ring.
  public static final int SIZE = 12;

  /// The protocol checksum's field holds the pseudo-header's sum only (`NETTXF_csum_blank`).
  public static final int CSUM_BLANK = 1;

  /// The data has been validated against the protocol checksum (`NETTXF_data_validated`).
  public static final int DATA_VALIDATED = 1 << 1;

  /// The packet goes on in the next request (`NETTXF_more_data`).
  public static final int MORE_DATA = 1 << 2;

  /// [ExtraInfo] follows directly (`NETTXF_extra_info`).
  public static final int EXTRA_INFO = 1 << 3;

  /// Slots of data that every backend must accept in one packet (`XEN_NETIF_NR_SLOTS_MIN`).
  public static final int NR_SLOTS_MIN = 18;

  /// Octets of the longest packet (`XEN_NETIF_MAX_TX_SIZE`).
  public static final int MAX_TX_SIZE = 0xffff;

  /// Reads a private slot; any bits give a value.
  public static TxRequest read(MemorySegment slot) {
    return new TxRequest(gref(slot), offset(slot), flags(slot), id(slot), size(slot));
  }

  public static int gref(MemorySegment slot) {
    return Octets.u32(slot, 0);
  }

  public static int offset(MemorySegment slot) {
    return Octets.u16(slot, 4);
  }

  public static int flags(MemorySegment slot) {
    return Octets.u16(slot, 6);
  }

  public static int id(MemorySegment slot) {
    return Octets.u16(slot, 8);
  }

  public static int size(MemorySegment slot) {
    return Octets.u16(slot, 10);
  }

  // The same of a slot whose words begin at an index of BackRing.slots().

  public static int gref(int[] slots, int at) {
    return slots[at];
  }

  public static int offset(int[] slots, int at) {
    return slots[at + 1] & 0xffff;
  }

  public static int flags(int[] slots, int at) {
    return slots[at + 1] >>> 16;
  }

  public static int id(int[] slots, int at) {
    return slots[at + 2] & 0xffff;
  }

  public static int size(int[] slots, int at) {
    return slots[at + 2] >>> 16;
  }

  /// Writes a request without making an object of it.
  public static void write(MemorySegment slot, int gref, int offset, int flags, int id, int size) {
    Octets.put32(slot, 0, gref);
    Octets.put16s(slot, 4, offset, flags);
    Octets.put16s(slot, 8, id, size);
  }

  @Override
  public void writeTo(MemorySegment slot) {
    write(slot, gref, offset, flags, id, size);
  }

  public boolean moreData() {
    return (flags & MORE_DATA) != 0;
  }

  public boolean extraInfo() {
    return (flags & EXTRA_INFO) != 0;
  }
}
