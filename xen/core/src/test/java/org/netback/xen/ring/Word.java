package org.netback.xen.ring;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// A message of 12 octets whose three words say the same, so that a torn one is seen.
record Word(int value) implements RingMessage {
  @Override
  public void writeTo(MemorySegment slot) {
    slot.set(ValueLayout.JAVA_INT, 0, value);
    slot.set(ValueLayout.JAVA_INT, 4, value);
    slot.set(ValueLayout.JAVA_INT, 8, value);
  }

  static int read(MemorySegment slot) {
    int value = slot.get(ValueLayout.JAVA_INT, 0);
    if (slot.get(ValueLayout.JAVA_INT, 4) != value || slot.get(ValueLayout.JAVA_INT, 8) != value) {
      throw new AssertionError("torn message at " + value);
    }
    return value;
  }
}
