package org.netback.echo;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.netback.xen.ring.RingMessage;
import org.netback.xen.ring.SlotFields;

/// The answer to an [EchoRequest], 16 octets.
///
/// @param status length of the payload, or [#ERROR]
/// @param payload 12 octets
record EchoResponse(int id, int status, byte[] payload) implements RingMessage {
  static final int ERROR = -1;

  static EchoResponse read(MemorySegment slot) {
    return new EchoResponse(
        SlotFields.u16(slot, 0),
        SlotFields.s16(slot, 2),
        slot.asSlice(4, EchoRequest.MOST).toArray(ValueLayout.JAVA_BYTE));
  }

  @Override
  public void writeTo(MemorySegment slot) {
    SlotFields.put16(slot, 0, id);
    SlotFields.put16(slot, 2, status);
    MemorySegment.copy(payload, 0, slot, ValueLayout.JAVA_BYTE, 4, EchoRequest.MOST);
  }
}
