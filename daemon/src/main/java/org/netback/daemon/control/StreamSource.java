package org.netback.daemon.control;

/// Where a streaming answer comes from. The methods are called on the control API's loop, one at a
/// time, and must not wait: first [#onOpen], last and once [#onClosed]. What they throw is a bug:
/// it is recorded, and the connection ends.
public interface StreamSource {
  /// The answer has begun. From now on octets may be written, by any thread.
  void onOpen(Outlet outlet);

  /// There is room again after an [Outlet#write] that found none.
  void onRoom();

  /// The client has gone, or everything has been written after [Outlet#close()].
  void onClosed();
}
