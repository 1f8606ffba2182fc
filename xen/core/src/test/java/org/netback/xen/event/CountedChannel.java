package org.netback.xen.event;

/// A channel whose notifications the test counts. Confined to one thread.
public final class CountedChannel implements EventChannel {
  private final Runnable whenNotified;
  private int notified;

  public CountedChannel() {
    this(() -> {});
  }

  /// @param whenNotified called after each notification was counted
  public CountedChannel(Runnable whenNotified) {
    this.whenNotified = whenNotified;
  }

  /// How often the peer was notified.
  public int notified() {
    return notified;
  }

  @Override
  public int port() {
    return 1;
  }

  @Override
  public void notifyPeer() {
    notified++;
    whenNotified.run();
  }

  @Override
  public void close() {}
}
