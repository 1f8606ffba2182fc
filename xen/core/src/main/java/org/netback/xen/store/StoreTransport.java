package org.netback.xen.store;

import java.nio.ByteBuffer;

/// A stream of octets to and from xenstored: its socket, or the device of a domain's own ring.
public interface StoreTransport extends AutoCloseable {
  /// Has everything delivered to the receiver from now on; called once, before the first send.
  void start(Receiver receiver);

  /// Sends octets after those of earlier calls, without waiting. Any thread. Dropped if the
  /// connection is gone, which the receiver is told.
  ///
  /// @param octets belong to the transport from now on
  void send(ByteBuffer octets);

  /// Ends the connection. Idempotent.
  @Override
  void close();

  /// What takes the octets: called by one thread at a time, in order, which must not block.
  interface Receiver {
    /// @param octets valid during the call
    void received(ByteBuffer octets);

    /// The connection has ended, by whichever side; nothing follows. Called once.
    ///
    /// @param reason for messages
    void closed(String reason);
  }
}
