package org.netback.xen.frontends;

import java.lang.foreign.MemorySegment;
import org.netback.xen.event.EventChannel;
import org.netback.xen.io.console.ConsolePage;
import org.netback.xen.ring.ByteRing;
import org.netback.xen.ring.RingViolation;

/// A guest's end of a console (io/console.h), as Linux's hvc_xen drives it: puts and takes as much
/// as there is room for, and notifies after each step. When the backend notifies, there may be more
/// of either. [ConsfrontDriver] connects one that is a device.
///
/// Any thread.
public final class Consfront {
  private final ByteRing ring;
  private final EventChannel channel;
  private boolean closed;

  private Consfront(ByteRing ring, EventChannel channel) {
    this.ring = ring;
    this.channel = channel;
  }

  /// Takes the console up where its page says that it stands.
  ///
  /// @throws RingViolation the indices cannot be true
  public static Consfront attach(MemorySegment page, EventChannel channel) throws RingViolation {
    return new Consfront(ConsolePage.frontend(page), channel);
  }

  /// Puts octets out.
  ///
  /// @return how many there was room for, none when the connection is over
  /// @throws RingViolation the backend's index cannot be true
  public synchronized int put(byte[] octets, int at, int length) throws RingViolation {
    if (closed) {
      return 0;
    }
    int count = ring.put(octets, at, length);
    if (count > 0) {
      channel.notifyPeer();
    }
    return count;
  }

  /// Takes octets that were typed.
  ///
  /// @return how many there were, at most as many as fit, and none when the connection is over
  /// @throws RingViolation the backend's index cannot be true
  public synchronized int take(byte[] into) throws RingViolation {
    if (closed) {
      return 0;
    }
    int count = ring.peek(into, 0, Math.min(into.length, ring.waiting()));
    ring.consume(count);
    if (count > 0) {
      channel.notifyPeer();
    }
    return count;
  }

  /// Ends the connection: the page and the channel are not touched any more once this has returned.
  synchronized void close() {
    closed = true;
    channel.close();
  }
}
