package org.netback.xen.io.console;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.netback.xen.ring.ByteRing;
import org.netback.xen.ring.RingHalf;
import org.netback.xen.ring.RingViolation;

/// The page of a console (io/console.h `struct xencons_interface`): a ring of 1024 octets to the
/// guest, `in`, one of 2048 octets from it, `out`, and their indices. In and out are the guest's
/// side.
///
/// Later headers of Xen have an octet after them, `connection`: whether a backend listens. A guest
/// whose header ends before it may use the octet for something else; it is written only where the
/// frontend has asked for it.
public final class ConsolePage {
  /// What the toolstack grants to the backend from the start (`GNTTAB_RESERVED_CONSOLE`).
  public static final int RESERVED_GREF = 0;

  /// Octets of the struct, which is the same in all word sizes.
  public static final int SIZE = 3088;

  public static final RingHalf IN = new RingHalf(0, 1024, 3072, 3076);
  public static final RingHalf OUT = new RingHalf(1024, 2048, 3080, 3084);

  /// Where the octet is (`XENCONSOLE_CONNECTED` 0, `XENCONSOLE_DISCONNECTED` 1).
  private static final long CONNECTION = 3088;

  private ConsolePage() {}

  /// The backend's end, taken up where it stood.
  ///
  /// @throws RingViolation the indices cannot be true
  public static ByteRing backend(MemorySegment page) throws RingViolation {
    return ByteRing.attach(page, OUT, IN);
  }

  /// The guest's end, taken up where it stood.
  ///
  /// @throws RingViolation the indices cannot be true
  public static ByteRing frontend(MemorySegment page) throws RingViolation {
    return ByteRing.attach(page, IN, OUT);
  }

  /// Tells a guest that has asked for it whether a backend listens.
  public static void tellConnected(MemorySegment page, boolean connected) {
    page.set(ValueLayout.JAVA_BYTE, CONNECTION, (byte) (connected ? 0 : 1));
  }

  /// What the backend has told.
  public static boolean isConnected(MemorySegment page) {
    return page.get(ValueLayout.JAVA_BYTE, CONNECTION) == 0;
  }
}
