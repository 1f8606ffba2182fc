package org.netback.xen.event;

/// One end of an interdomain event channel.
public interface EventChannel extends AutoCloseable {
  /// The port's number on this side (`evtchn_port_t`).
  int port();

  /// Notifies the peer; pending notifications merge. Any thread. No effect after the peer has gone.
  void notifyPeer();

  /// Unbinds; the handler is not called any more once this has returned on its loop. Idempotent.
  @Override
  void close();
}
