package org.netback.echo;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.netback.xen.ring.RingMessage;
import org.netback.xen.ring.SlotFields;

/// What a guest wants to hear backwards, 16 octets.
///
/// @param id echoed in the response, 0 to 65535
/// @param length octets of the text that count; 0 to 65535 as sent, judged by [EchoJudge]
/// @param text [#MOST] octets, as Latin-1
record EchoRequest(int id, int length, String text) implements RingMessage {
  static final int SIZE = 16;
  static final int MOST = 12;

  EchoRequest(int id, String text) {
    this(id, text.length(), text);
  }

  static EchoRequest read(MemorySegment slot) {
    return new EchoRequest(SlotFields.u16(slot, 0), SlotFields.u16(slot, 2), readText(slot));
  }

  @Override
  public void writeTo(MemorySegment slot) {
    SlotFields.put16(slot, 0, id);
    SlotFields.put16(slot, 2, length);
    writeText(slot, text);
  }

  static String readText(MemorySegment slot) {
    return new String(slot.asSlice(4, MOST).toArray(ValueLayout.JAVA_BYTE), ISO_8859_1);
  }

  /// Zeros behind a shorter text.
  static void writeText(MemorySegment slot, String text) {
    slot.asSlice(4, MOST).fill((byte) 0);
    MemorySegment.copy(text.getBytes(ISO_8859_1), 0, slot, ValueLayout.JAVA_BYTE, 4, text.length());
  }
}
