package org.netback.echo;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.netback.xen.ring.RingMessage;
import org.netback.xen.ring.SlotFields;

/// What a guest wants to hear backwards, 16 octets.
///
/// @param id echoed in the response, 0 to 65535
/// @param length octets of the payload that count; 0 to 65535 as sent, judged by [EchoJudge]
/// @param payload 12 octets
record EchoRequest(int id, int length, byte[] payload) implements RingMessage {
  static final int SIZE = 16;
  static final int MOST = 12;

  static EchoRequest read(MemorySegment slot) {
    return new EchoRequest(
        SlotFields.u16(slot, 0),
        SlotFields.u16(slot, 2),
        slot.asSlice(4, MOST).toArray(ValueLayout.JAVA_BYTE));
  }

  @Override
  public void writeTo(MemorySegment slot) {
    SlotFields.put16(slot, 0, id);
    SlotFields.put16(slot, 2, length);
    MemorySegment.copy(payload, 0, slot, ValueLayout.JAVA_BYTE, 4, MOST);
  }
}
