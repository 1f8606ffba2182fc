package org.netback.xen.embedded.event;

import java.io.IOException;

/// An end of an event channel as two eventfds, by which a process other than the ground's may own
/// it. The ground keeps both as long as the port lives: a backend that comes back gets the same
/// ones, and the guest notices nothing.
public final class EventfdPair implements ChannelEnd {
  private final Eventfd inbox;
  private final Eventfd outbox;

  /// @param inbox what the owner waits for
  /// @param outbox what the owner rings
  private EventfdPair(Eventfd inbox, Eventfd outbox) {
    this.inbox = inbox;
    this.outbox = outbox;
  }

  public static EventfdPair create() throws IOException {
    Eventfd inbox = Eventfd.create();
    try {
      return new EventfdPair(inbox, Eventfd.create());
    } catch (IOException e) {
      inbox.release();
      throw e;
    }
  }

  /// Takes over descriptors that came from the ground's process.
  public static EventfdPair adopt(int inbox, int outbox) {
    return new EventfdPair(Eventfd.adopt(inbox), Eventfd.adopt(outbox));
  }

  Eventfd inbox() {
    return inbox;
  }

  Eventfd outbox() {
    return outbox;
  }

  /// The same pair as the other end sees it, with references of its own.
  public EventfdPair opposite() {
    if (!retain()) {
      throw new IllegalStateException("the port has closed");
    }
    return new EventfdPair(outbox, inbox);
  }

  /// Lends the descriptors, as they must not be closed while they are being sent.
  ///
  /// @return false if they are closed; they are not lent then
  public boolean lend(FdsUse use) throws IOException {
    if (!retain()) {
      return false;
    }
    try {
      use.with(inbox.fd().intValue(), outbox.fd().intValue());
      return true;
    } finally {
      release();
    }
  }

  public interface FdsUse {
    void with(int inbox, int outbox) throws IOException;
  }

  /// Adds a reference to both.
  ///
  /// @return false if they are closed
  private boolean retain() {
    if (!inbox.retain()) {
      return false;
    }
    if (!outbox.retain()) {
      inbox.release();
      return false;
    }
    return true;
  }

  public void release() {
    inbox.release();
    outbox.release();
  }
}
