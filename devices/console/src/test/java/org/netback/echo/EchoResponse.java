package org.netback.echo;

import java.lang.foreign.MemorySegment;
import org.netback.xen.ring.RingMessage;
import org.netback.xen.ring.SlotFields;

/// The answer to an [EchoRequest], 16 octets.
///
/// @param status octets of the text that count, or [#ERROR]
record EchoResponse(int id, int status, String text) implements RingMessage {
  static final int ERROR = -1;

  static EchoResponse read(MemorySegment slot) {
    return new EchoResponse(
        SlotFields.u16(slot, 0), SlotFields.s16(slot, 2), EchoRequest.readText(slot));
  }

  @Override
  public void writeTo(MemorySegment slot) {
    SlotFields.put16(slot, 0, id);
    SlotFields.put16(slot, 2, status);
    EchoRequest.writeText(slot, text);
  }
}
