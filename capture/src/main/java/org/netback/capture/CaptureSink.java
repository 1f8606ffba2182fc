package org.netback.capture;

import java.io.IOException;

/// Where a capture's records go: a file of pcapng, lines for a terminal. Confined to the capture's
/// thread, and may wait.
public interface CaptureSink extends AutoCloseable {
  /// @param frame valid for the call
  /// @param lost frames that the capture has had no room for so far
  void frame(CapturedFrame frame, long lost) throws IOException;

  /// Some records were handed over, or a while has passed: what waits in buffers goes out.
  void flush() throws IOException;

  /// All records were handed over.
  ///
  /// @param statistics of the whole capture
  void end(CaptureStatistics statistics) throws IOException;

  /// Lets go of what it holds, also after a failure.
  @Override
  void close() throws IOException;
}
