package org.netback.capture;

import java.io.IOException;

/// Where a capture's records go: a file of pcapng, lines for a terminal. Confined to the capture's
/// thread, and may wait.
public interface CaptureSink extends AutoCloseable {
  /// @param frame valid for the call
  /// @param lost frames that the capture has lost so far, between the frames recorded
  void frame(CapturedFrame frame, long lost) throws IOException;

  /// Some frames were handed over, or a while has passed: what waits in buffers goes out.
  void flush() throws IOException;

  /// The capture ends in order.
  @Override
  void close() throws IOException;
}
