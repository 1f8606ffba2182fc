package org.netback.daemon;

import java.util.ArrayDeque;
import java.util.Deque;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What has to be undone at the end, whichever way the end comes: the last made goes first. Any
/// thread; a shutdown hook may close it while others still add to it.
public final class Cleanup implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Cleanup.class);

  private final Deque<AutoCloseable> parts = new ArrayDeque<>();
  private boolean closed;

  /// Adds a part; closes it at once if the end has come already.
  public <T extends AutoCloseable> T add(T part) {
    boolean late;
    synchronized (this) {
      late = closed;
      if (!late) {
        parts.push(part);
      }
    }
    if (late) {
      close(part);
    }
    return part;
  }

  /// Whether the end has come.
  public synchronized boolean isClosed() {
    return closed;
  }

  /// Closes every part. A second caller waits for the first, so that the process does not end
  /// meanwhile.
  @Override
  public synchronized void close() {
    closed = true;
    while (!parts.isEmpty()) {
      close(parts.pop());
    }
  }

  private static void close(AutoCloseable part) {
    try {
      part.close();
    } catch (Throwable e) {
      LOG.warn("cleaning up", e);
    }
  }
}
