package org.netback.xen.bus;

/// How much a frontend may write. A guest chooses the size of its directory, and the bus reads it
/// with a round trip for each key; a directory beyond a bound is refused as a whole.
///
/// @param keys in the directory itself, those of the toolstack included
/// @param queues directories `queue-<n>` in it; 0 for a class without queues
/// @param keysPerQueue in one of those
public record KeyBounds(int keys, int queues, int keysPerQueue) {
  public KeyBounds {
    if (keys < 1 || queues < 0 || keysPerQueue < 0) {
      throw new IllegalArgumentException(
          keys + " keys, " + queues + " queues of " + keysPerQueue + " keys");
    }
  }
}
