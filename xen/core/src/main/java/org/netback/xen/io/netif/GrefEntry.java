package org.netback.xen.io.netif;

import java.lang.foreign.MemorySegment;
import org.netback.xen.ring.SlotFields;

/// An entry of the list that a guest hands over to have pages mapped for good (io/netif.h, `struct
/// xen_netif_gref`), 8 octets. Not a ring message: it lies in a granted page.
///
/// @param ref grant reference
/// @param flags [#READONLY]
/// @param status written back by the backend, one of [CtrlResponse]'s
public record GrefEntry(int ref, int flags, int status) {
  /// Octets of the struct.
  public static final int SIZE = 8;

  /// The backend may only read the page (`XEN_NETIF_CTRLF_GREF_readonly`).
  public static final int READONLY = 1;

  /// Reads a private copy of an entry; any bits give a value.
  public static GrefEntry read(MemorySegment entry) {
    return new GrefEntry(
        SlotFields.u32(entry, 0), SlotFields.u16(entry, 4), SlotFields.u16(entry, 6));
  }

  public void writeTo(MemorySegment entry) {
    SlotFields.put32(entry, 0, ref);
    SlotFields.put16(entry, 4, flags);
    SlotFields.put16(entry, 6, status);
  }

  public boolean readOnly() {
    return (flags & READONLY) != 0;
  }
}
