package org.netback.xen.io.netif;

import java.lang.foreign.MemorySegment;
import org.netback.xen.ring.RingMessage;

/// What the backend put into a posted buffer (io/netif.h, `struct netif_rx_response`), 8 octets, in
/// the slot of its request.
///
/// @param id of the request
/// @param offset of the data in the page, in octets
/// @param flags any of [#DATA_VALIDATED], [#CSUM_BLANK], [#MORE_DATA], [#EXTRA_INFO]; bits 0 and 1
///   mean the opposite of those in a [TxRequest]
/// @param status octets of data, or negative: an error
public record RxResponse(int id, int offset, int flags, int status) implements RingMessage {
  /// Octets of the struct, and of a slot of the rx ring.
  public static final int SIZE = 8;

  /// The data has been validated against the protocol checksum (`NETRXF_data_validated`).
  public static final int DATA_VALIDATED = 1;

  /// The protocol checksum's field holds the pseudo-header's sum only (`NETRXF_csum_blank`).
  public static final int CSUM_BLANK = 1 << 1;

  /// The packet goes on in the next response (`NETRXF_more_data`).
  public static final int MORE_DATA = 1 << 2;

  /// [ExtraInfo] follows directly (`NETRXF_extra_info`).
  public static final int EXTRA_INFO = 1 << 3;

  /// Deprecated by the header; never set by this backend (`NETRXF_gso_prefix`).
  public static final int GSO_PREFIX = 1 << 4;

  /// `NETIF_RSP_DROPPED`.
  public static final int DROPPED = TxResponse.DROPPED;

  /// `NETIF_RSP_ERROR`.
  public static final int ERROR = TxResponse.ERROR;

  /// Reads a private slot; any bits give a value.
  public static RxResponse read(MemorySegment slot) {
    return new RxResponse(id(slot), offset(slot), flags(slot), status(slot));
  }

  public static int id(MemorySegment slot) {
    return Octets.u16(slot, 0);
  }

  public static int offset(MemorySegment slot) {
    return Octets.u16(slot, 2);
  }

  public static int flags(MemorySegment slot) {
    return Octets.u16(slot, 4);
  }

  public static int status(MemorySegment slot) {
    return Octets.s16(slot, 6);
  }

  /// Writes a response without making an object of it.
  public static void write(MemorySegment slot, int id, int offset, int flags, int status) {
    Octets.put16s(slot, 0, id, offset);
    Octets.put16s(slot, 4, flags, status);
  }

  /// The whole response as two 32-bit words, the first in the lower half.
  public static long words(int id, int offset, int flags, int status) {
    return id & 0xffffL | (offset & 0xffffL) << 16 | (flags & 0xffffL) << 32 | (long) status << 48;
  }

  /// The words of a response with another status.
  public static long withStatus(long words, int status) {
    return words & 0xffff_ffff_ffffL | (long) status << 48;
  }

  @Override
  public void writeTo(MemorySegment slot) {
    write(slot, id, offset, flags, status);
  }

  public boolean moreData() {
    return (flags & MORE_DATA) != 0;
  }

  public boolean extraInfo() {
    return (flags & EXTRA_INFO) != 0;
  }
}
