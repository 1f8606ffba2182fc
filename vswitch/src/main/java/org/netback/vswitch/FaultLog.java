package org.netback.vswitch;

/// Where the switch tells of its own bugs and its ports'. Any thread; must not throw.
@FunctionalInterface
public interface FaultLog {
  /// @param owner the port, or the network, for people
  /// @param fault anything, a [StackOverflowError] too; may repeat for every batch of frames, so
  ///   that whoever writes it somewhere rations it
  void fault(String owner, Throwable fault);
}
