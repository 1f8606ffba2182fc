package org.netback.xen.io.netif;

import java.lang.foreign.MemorySegment;
import org.netback.xen.ring.RingMessage;

/// The answer to a [TxRequest] or to an [ExtraInfo] between two of them (io/netif.h, `struct
/// netif_tx_response`), 4 octets at the start of a slot of 12.
///
/// @param id of the request; of no meaning with [#NULL]
/// @param status [#OKAY], [#DROPPED], [#ERROR] or [#NULL]
public record TxResponse(int id, int status) implements RingMessage {
  /// Octets of the struct. The slot that it is written to has [TxRequest#SIZE].
  public static final int SIZE = 4;

  /// Not taken, through no fault of the guest's (`NETIF_RSP_DROPPED`).
  public static final int DROPPED = -2;

  /// `NETIF_RSP_ERROR`.
  public static final int ERROR = -1;

  /// `NETIF_RSP_OKAY`.
  public static final int OKAY = 0;

  /// No answer: what a slot gets that held an [ExtraInfo] (`NETIF_RSP_NULL`).
  public static final int NULL = 1;

  /// Reads a private slot; any bits give a value.
  public static TxResponse read(MemorySegment slot) {
    return new TxResponse(id(slot), status(slot));
  }

  public static int id(MemorySegment slot) {
    return Octets.u16(slot, 0);
  }

  public static int status(MemorySegment slot) {
    return Octets.s16(slot, 2);
  }

  /// Writes a response without making an object of it.
  ///
  /// @param slot of 12 octets: all are written, those past the struct as zero, so that nothing of
  ///   the backend's memory leaks into the ring (XSA-216)
  public static void write(MemorySegment slot, int id, int status) {
    Octets.put16s(slot, 0, id, status);
    Octets.put32(slot, 4, 0);
    Octets.put32(slot, 8, 0);
  }

  /// The whole response as the first 32-bit word of a slot.
  public static int word(int id, int status) {
    return (id & 0xffff) | status << 16;
  }

  /// The status in the first word of a slot.
  public static int status(int word) {
    return word >> 16;
  }

  @Override
  public void writeTo(MemorySegment slot) {
    write(slot, id, status);
  }
}
