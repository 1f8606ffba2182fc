package org.netback.echo;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.netback.xen.ring.RingMessage;

/// What a guest wants to hear backwards, 16 octets.
///
/// @param id echoed in the response, 0 to 65535
/// @param length octets of the payload that count; 0 to 65535 as sent, judged by [EchoJudge]
/// @param payload 12 octets
record EchoRequest(int id, int length, byte[] payload) implements RingMessage {
  static final int SIZE = 16;
  static final int MOST = 12;
  static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  static EchoRequest read(MemorySegment slot) {
    return new EchoRequest(
        slot.get(U16, 0) & 0xffff,
        slot.get(U16, 2) & 0xffff,
        slot.asSlice(4, MOST).toArray(ValueLayout.JAVA_BYTE));
  }

  @Override
  public void writeTo(MemorySegment slot) {
    slot.set(U16, 0, (short) id);
    slot.set(U16, 2, (short) length);
    MemorySegment.copy(payload, 0, slot, ValueLayout.JAVA_BYTE, 4, MOST);
  }
}
