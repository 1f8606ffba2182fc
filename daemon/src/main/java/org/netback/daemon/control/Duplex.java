package org.netback.daemon.control;

/// The daemon's end of a connection that carries raw octets both ways. Its methods are called as
/// those of [StreamSource] are.
public interface Duplex extends StreamSource {
  /// @param octets what the client has sent, at most 16 KiB; they are the callee's. None come after
  ///   [Outlet#pause()] until [Outlet#resume()]
  void onOctets(byte[] octets);

  /// The client sends no more, and may still read: the connection lasts until [Outlet#end()] or
  /// [Outlet#close()]. A client that goes after its end is noticed when it is written to.
  void onEnd();
}
