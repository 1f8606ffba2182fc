package org.netback.xen.io.netif;

import java.lang.foreign.MemorySegment;
import org.netback.xen.ring.RingMessage;

/// A buffer that a guest posts to receive into (io/netif.h, `struct netif_rx_request`), 8 octets.
///
/// @param id echoed in the response, 0 to 65535
/// @param gref grant reference of a page that the backend may write
public record RxRequest(int id, int gref) implements RingMessage {
  /// Octets of the struct, and of a slot of the rx ring.
  public static final int SIZE = 8;

  /// Reads a private slot; any bits give a value.
  public static RxRequest read(MemorySegment slot) {
    return new RxRequest(id(slot), gref(slot));
  }

  public static int id(MemorySegment slot) {
    return Octets.u16(slot, 0);
  }

  public static int gref(MemorySegment slot) {
    return Octets.u32(slot, 4);
  }

  // The same of a slot whose words begin at an index of BackRing.slots().

  public static int id(int[] slots, int at) {
    return slots[at] & 0xffff;
  }

  public static int gref(int[] slots, int at) {
    return slots[at + 1];
  }

  /// Writes a request without making an object of it.
  public static void write(MemorySegment slot, int id, int gref) {
    Octets.put16s(slot, 0, id, 0);
    Octets.put32(slot, 4, gref);
  }

  @Override
  public void writeTo(MemorySegment slot) {
    write(slot, id, gref);
  }
}
