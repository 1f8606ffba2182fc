package org.netback.xen.io.netif;

import java.lang.foreign.MemorySegment;
import org.netback.xen.ring.RingMessage;
import org.netback.xen.ring.SlotFields;

/// The answer to a [CtrlRequest] (io/netif.h, `struct xen_netif_ctrl_response`), 12 octets at the
/// start of a slot of 16.
///
/// @param id of the request
/// @param type of the request
/// @param status one of the `STATUS_` numbers
/// @param data its meaning depends on type and status
public record CtrlResponse(int id, int type, int status, int data) implements RingMessage {
  /// Octets of the struct. The slot that it is written to has [CtrlRequest#SIZE].
  public static final int SIZE = 12;

  /// `XEN_NETIF_CTRL_STATUS_SUCCESS`.
  public static final int STATUS_SUCCESS = 0;

  /// `XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED`.
  public static final int STATUS_NOT_SUPPORTED = 1;

  /// `XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER`.
  public static final int STATUS_INVALID_PARAMETER = 2;

  /// `XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW`.
  public static final int STATUS_BUFFER_OVERFLOW = 3;

  /// Reads a private slot; any bits give a value.
  public static CtrlResponse read(MemorySegment slot) {
    return new CtrlResponse(
        SlotFields.u16(slot, 0),
        SlotFields.u16(slot, 2),
        SlotFields.u32(slot, 4),
        SlotFields.u32(slot, 8));
  }

  /// Writes a whole slot.
  ///
  /// @param slot of 16 octets: those past the struct become zero, so that nothing of the backend's
  ///   memory leaks into the ring (XSA-216)
  @Override
  public void writeTo(MemorySegment slot) {
    SlotFields.put16(slot, 0, id);
    SlotFields.put16(slot, 2, type);
    SlotFields.put32(slot, 4, status);
    SlotFields.put32(slot, 8, data);
    SlotFields.put32(slot, 12, 0);
  }
}
