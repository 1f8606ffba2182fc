package org.netback.xen.embedded;

import java.io.IOException;

/// An end of an event channel whose owner is another process. The ground keeps both eventfds as
/// long as the port lives: a backend that comes back gets the same ones, and the guest notices
/// nothing.
///
/// @param inbox what the owner waits for
/// @param outbox what the owner rings
record RemoteChannel(Eventfd inbox, Eventfd outbox) implements ChannelEnd {
  static RemoteChannel create() throws IOException {
    Eventfd inbox = Eventfd.create();
    try {
      return new RemoteChannel(inbox, Eventfd.create());
    } catch (IOException e) {
      inbox.release();
      throw e;
    }
  }

  /// The same pair as the other end sees it, with references of its own.
  RemoteChannel opposite() {
    if (!retain()) {
      throw new IllegalStateException("the port has closed");
    }
    return new RemoteChannel(outbox, inbox);
  }

  /// Adds a reference to both.
  ///
  /// @return false if they are closed
  boolean retain() {
    if (!inbox.retain()) {
      return false;
    }
    if (!outbox.retain()) {
      inbox.release();
      return false;
    }
    return true;
  }

  void release() {
    inbox.release();
    outbox.release();
  }
}
